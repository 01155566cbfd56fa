"""Shrink the rate by the same factor at every step."""

from __future__ import annotations

import math
from typing import final

from torch.optim import Optimizer

from unstuck.schedules import arguments
from unstuck.schedules.schedule import Schedule


@final
class ExponentialLR(Schedule):
    r"""Multiply the rate by gamma each epoch; or, the same curve in the other notation, decay as e^(-kt).

    .. math:: \eta_t = \eta_0\, \gamma^t = \eta_0\, e^{-k t}, \qquad k = -\ln \gamma

    Arguments and values are those of ``torch.optim.lr_scheduler.ExponentialLR``, with ``rate`` besides.

    Args:
        optimizer: See :class:`~unstuck.schedules.Schedule`, as for ``last_epoch`` and ``steps_per_epoch``.
        gamma: Factor of one time unit, from 0 to 1, such as 0.95.
        last_epoch: -1 to start.
        rate: k, in place of ``gamma``; at least 0.
        steps_per_epoch: Calls of ``step()`` to a time unit.

    Raises:
        TypeError: If neither or both of ``gamma`` and ``rate`` are given, or one is not a number.
        ValueError: If an argument is out of range.

    Source: CS231n, "Neural networks 3", section "Annealing the learning rate": exponential decay.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    >>> ExponentialLR(optimizer, 0.95).curve(3)
    array([1.    , 0.95  , 0.9025])
    >>> ExponentialLR(optimizer, rate=0.5).curve(3).round(4)
    array([1.    , 0.6065, 0.3679])
    """

    def __init__(
        self,
        optimizer: Optimizer,
        gamma: float | None = None,
        last_epoch: int = -1,
        *,
        rate: float | None = None,
        steps_per_epoch: int = 1,
    ) -> None:
        if (gamma is None) == (rate is None):
            raise TypeError(f"give one of gamma (0.95 a time unit) and rate (k of e^-kt), got {gamma=}, {rate=}")
        if rate is not None:
            gamma = math.exp(-arguments.number("rate", rate))
        self.gamma = arguments.number("gamma", gamma, most=1.0)
        super().__init__(optimizer, last_epoch, steps_per_epoch=steps_per_epoch)

    def value(self, t: int, base: float) -> float:
        """Return the formula above."""
        return base * self.gamma**t

    @property
    def horizon(self) -> int:
        """Until a twentieth is left (100 for a gamma of 0 or 1, whose curve has no scale)."""
        return math.ceil(math.log(0.05) / math.log(self.gamma)) if 0 < self.gamma < 1 else 100

"""Let the rate fall as one over the time."""

from __future__ import annotations

import math
from typing import final

from torch.optim import Optimizer

from unstuck.schedules import arguments
from unstuck.schedules.schedule import Schedule


@final
class InverseTimeLR(Schedule):
    r"""Decay as 1/t, the classic rate of stochastic approximation.

    .. math:: \eta_t = \frac{\eta_0}{1 + k t}

    Its sum diverges and the sum of its squares converges, which is what Robbins and Monro (1951) ask of a rate
    so that the iterates get arbitrarily far and the noise still dies out.

    Args:
        optimizer: See :class:`~unstuck.schedules.Schedule`, as for ``last_epoch`` and ``steps_per_epoch``.
        rate: k, at least 0: after 1/k time units half the rate is left.
        last_epoch: -1 to start.
        steps_per_epoch: Calls of ``step()`` to a time unit.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If an argument is out of range.

    Source: CS231n, "Neural networks 3", section "Annealing the learning rate": 1/t decay.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    >>> InverseTimeLR(optimizer, rate=1.0).curve(4).round(4)
    array([1.    , 0.5   , 0.3333, 0.25  ])
    """

    def __init__(self, optimizer: Optimizer, rate: float, last_epoch: int = -1, *, steps_per_epoch: int = 1) -> None:
        self.rate = arguments.number("rate", rate)
        super().__init__(optimizer, last_epoch, steps_per_epoch=steps_per_epoch)

    def value(self, t: int, base: float) -> float:
        """Return the formula above."""
        return base / (1.0 + self.rate * t)

    @property
    def horizon(self) -> int:
        """Until a tenth is left (100 for k = 0)."""
        return math.ceil(9 / self.rate) if self.rate > 0 else 100

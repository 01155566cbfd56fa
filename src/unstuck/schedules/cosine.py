"""Let the rate fall along half a cosine."""

from __future__ import annotations

import math
from typing import final

from torch.optim import Optimizer

from unstuck.schedules import arguments
from unstuck.schedules.schedule import Schedule


@final
class CosineAnnealingLR(Schedule):
    r"""Fall from the base rate to ``eta_min`` along half a period of a cosine.

    .. math:: \eta_t = \eta_\min + (\eta_0 - \eta_\min)\, \frac{1 + \cos(\pi t / T_\max)}{2}

    Arguments and values are those of ``torch.optim.lr_scheduler.CosineAnnealingLR``, and as there the rate *rises
    again* after ``T_max``: let ``T_max`` be the whole training, or follow it by a fixed rate in a
    :class:`~unstuck.schedules.SequentialLR`.

    Args:
        optimizer: See :class:`~unstuck.schedules.Schedule`, as for ``last_epoch`` and ``steps_per_epoch``.
        T_max: Time units from the top to the bottom, at least 1.
        eta_min: Rate at the bottom, at least 0; default 0.
        last_epoch: -1 to start.
        steps_per_epoch: Calls of ``step()`` to a time unit.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If an argument is out of range.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), equation 5,
    without the restarts.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    >>> CosineAnnealingLR(optimizer, T_max=4).curve(5).round(4)
    array([1.    , 0.8536, 0.5   , 0.1464, 0.    ])
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        last_epoch: int = -1,
        *,
        steps_per_epoch: int = 1,
    ) -> None:
        self.T_max = arguments.count("T_max", T_max)
        self.eta_min = arguments.number("eta_min", eta_min)
        super().__init__(optimizer, last_epoch, steps_per_epoch=steps_per_epoch)

    def value(self, t: int, base: float) -> float:
        """Return the formula above."""
        # Written as a weighted mean of the two ends, rounding cannot make it negative.
        top = (1.0 + math.cos(math.pi * t / self.T_max)) / 2.0
        return base * top + self.eta_min * (1.0 - top)

    @property
    def horizon(self) -> int:
        """From the top to the bottom."""
        return self.T_max

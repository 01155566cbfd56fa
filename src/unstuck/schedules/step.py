"""Cut the rate by a factor at regular intervals."""

from __future__ import annotations

from typing import final

from torch.optim import Optimizer

from unstuck.schedules import arguments
from unstuck.schedules.schedule import Schedule


@final
class StepLR(Schedule):
    r"""Multiply the rate by gamma every ``step_size`` epochs.

    .. math:: \eta_t = \eta_0\, \gamma^{\lfloor t / s \rfloor}

    Same arguments as ``torch.optim.lr_scheduler.StepLR``, same values up to rounding.

    Args:
        optimizer: See :class:`~unstuck.schedules.Schedule`, as for ``last_epoch`` and ``steps_per_epoch``.
        step_size: s, time units between two cuts, at least 1.
        gamma: Factor of each cut, from 0 to 1; default 0.1.
        last_epoch: -1 to start.
        steps_per_epoch: Calls of ``step()`` to a time unit.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If an argument is out of range.

    Source: CS231n, "Neural networks 3", section "Annealing the learning rate": step decay.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.8)
    >>> StepLR(optimizer, step_size=2, gamma=0.5).curve(6)
    array([0.8, 0.8, 0.4, 0.4, 0.2, 0.2])
    """

    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int,
        gamma: float = 0.1,
        last_epoch: int = -1,
        *,
        steps_per_epoch: int = 1,
    ) -> None:
        self.step_size = arguments.count("step_size", step_size)
        self.gamma = arguments.number("gamma", gamma, most=1.0)
        super().__init__(optimizer, last_epoch, steps_per_epoch=steps_per_epoch)

    def value(self, t: int, base: float) -> float:
        """Return the formula above."""
        return base * self.gamma ** (t // self.step_size)

    @property
    def horizon(self) -> int:
        """Four stairs."""
        return 4 * self.step_size

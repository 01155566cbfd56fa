"""Schedules made of schedules: one after another, or one on top of another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import final

from torch.optim import Optimizer

from unstuck.schedules import arguments
from unstuck.schedules.schedule import Schedule, require_schedule


@final
class SequentialLR(Schedule):
    r"""Follow one schedule after another; each starts its own time at its milestone.

    .. math:: \eta_n = \eta^{(i)}_{n - m_i}, \qquad m_i \le n < m_{i+1}, \quad m_0 = 0

    Arguments and values are those of ``torch.optim.lr_scheduler.SequentialLR``.

    Args:
        optimizer: The optimizer of all the schedules.
        schedulers: Schedules of this package, of rates or of momenta, not both. Step this one only.
        milestones: The counts at which to change over, ascending, one fewer than the schedules.
        last_epoch: -1 to start.

    Raises:
        TypeError: If a part is not one of these schedules.
        ValueError: If parts belong to different optimizers or quantities, or the milestones do not fit.

    >>> import torch
    >>> from unstuck.schedules import ExponentialLR, FixedLR
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.8)
    >>> SequentialLR(optimizer, [FixedLR(optimizer), ExponentialLR(optimizer, 0.5)], milestones=[3]).curve(6)
    array([0.8, 0.8, 0.8, 0.8, 0.4, 0.2])
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[Schedule], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        self._parts = _checked(schedulers, optimizer)
        self.quantity = self._parts[0].quantity
        self.milestones = [arguments.count("each of milestones", milestone) for milestone in milestones]
        if len(self.milestones) != len(self._parts) - 1 or self.milestones != sorted(set(self.milestones)):
            raise ValueError(
                f"milestones must be {len(self._parts) - 1} ascending counts, one fewer than the schedules, "
                f"got {self.milestones}"
            )
        super().__init__(optimizer, last_epoch)

    def value(self, t: int, base: float) -> float:
        """Return the formula above."""
        index = bisect_right(self.milestones, t)
        return self._parts[index].at(t - [0, *self.milestones][index], base)

    @property
    def horizon(self) -> int:
        """The last milestone and the last schedule's horizon."""
        last = self._parts[-1]
        return [0, *self.milestones][-1] + last.horizon * last.steps_per_epoch


@final
class ChainedScheduler(Schedule):
    r"""Put schedules on top of one another: each takes the value of the one before as its base.

    .. math:: \eta_n = \eta^{(k)}_n(\cdots \eta^{(2)}_n(\eta^{(1)}_n(\eta_0)))

    For schedules that multiply (step, exponential, 1/t, warm-up of a fixed rate) this is the product of their
    factors, in any order, as torch's ``ChainedScheduler`` computes step by step. A floor such as the cosine's
    ``eta_min`` holds for what comes before it, so put it last.

    Args:
        schedulers: Schedules of this package and of one optimizer. Step this one only.
        optimizer: As in torch, the optimizer of all of them; by default that of the first.

    Raises:
        TypeError: If a part is not one of these schedules.
        ValueError: If parts belong to different optimizers or quantities, or there is none.

    A warm-up by steps under a decay by epochs, whose epochs begin with the training:

    >>> import torch
    >>> from unstuck.schedules import FixedLR, StepLR, Warmup
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    >>> decay = StepLR(optimizer, step_size=1, gamma=0.5, steps_per_epoch=4)
    >>> ChainedScheduler([Warmup(FixedLR(optimizer), steps=3), decay]).curve(9)
    array([0.25, 0.5 , 0.75, 1. , 0.5 , 0.5 , 0.5 , 0.5 , 0.25])
    """

    def __init__(self, schedulers: Sequence[Schedule], optimizer: Optimizer | None = None) -> None:
        self._parts = _checked(schedulers, optimizer)
        self.quantity = self._parts[0].quantity
        super().__init__(self._parts[0].optimizer)

    def value(self, t: int, base: float) -> float:
        """Return the formula above."""
        for part in self._parts:
            base = part.at(t, base)
        return base

    @property
    def horizon(self) -> int:
        """The longest of the parts'."""
        return max(part.horizon * part.steps_per_epoch for part in self._parts)


def _checked(schedulers: Sequence[Schedule], optimizer: Optimizer | None) -> tuple[Schedule, ...]:
    for index, part in enumerate(schedulers):
        require_schedule(f"schedulers[{index}]", part)
    if not schedulers:
        raise ValueError("schedulers must hold at least one schedule, got none")
    expected = schedulers[0].optimizer if optimizer is None else optimizer
    for index, part in enumerate(schedulers):
        if part.optimizer is not expected or part.quantity != schedulers[0].quantity:
            raise ValueError(
                f"schedulers[{index}] ({type(part).__name__}) drives the {part.quantity} of another optimizer or "
                f"another quantity than the first ({schedulers[0].quantity}): build all on one optimizer, "
                "and keep rates and momenta in separate schedules"
            )
    return tuple(schedulers)

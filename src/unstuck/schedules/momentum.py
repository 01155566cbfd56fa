"""Schedules of the momentum: ``momentum`` of a parameter group, or the first of its ``betas``."""

from __future__ import annotations

import math
from typing import final

from torch.optim import Optimizer

from unstuck.schedules import arguments
from unstuck.schedules.schedule import Quantity, Schedule


@final
class FixedMomentum(Schedule):
    r"""Keep every group at its base momentum: :math:`\mu_t = \mu_0`, commonly 0.9.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9)
    >>> FixedMomentum(optimizer).curve(3)
    array([0.9, 0.9, 0.9])
    """

    quantity: Quantity = "momentum"

    def value(self, t: int, base: float) -> float:
        """Return ``base``."""
        return base

    @property
    def horizon(self) -> int:
        """Any length shows the shape: 10."""
        return 10


@final
class LinearMomentum(Schedule):
    r"""Raise the momentum in a line and keep it: small while gradients are large and point anywhere, large later.

    .. math:: \mu_t = \mu_\mathrm{start} + (\mu_\mathrm{end} - \mu_\mathrm{start}) \min(t / T, 1)

    Args:
        optimizer: One whose groups have ``momentum`` or ``betas``; their own value is replaced.
        total_steps: T, time units of the climb, at least 1.
        start: From 0 to below 1; default 0.5.
        end: From 0 to below 1; default 0.99, met exactly at t = T.
        last_epoch: -1 to start.
        steps_per_epoch: Calls of ``step()`` to a time unit.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If an argument is out of range, or the optimizer has no momentum.

    Source: CS231n, "Neural networks 3", section "Momentum update": annealed from 0.5 to 0.99.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9)
    >>> LinearMomentum(optimizer, total_steps=2).curve(4)
    array([0.5  , 0.745, 0.99 , 0.99 ])
    """

    quantity: Quantity = "momentum"

    def __init__(
        self,
        optimizer: Optimizer,
        total_steps: int,
        start: float = 0.5,
        end: float = 0.99,
        last_epoch: int = -1,
        *,
        steps_per_epoch: int = 1,
    ) -> None:
        self.total_steps = arguments.count("total_steps", total_steps)
        self.start = arguments.number("start", start, below=1.0)
        self.end = arguments.number("end", end, below=1.0)
        super().__init__(optimizer, last_epoch, steps_per_epoch=steps_per_epoch)

    def value(self, t: int, base: float) -> float:
        """Return the formula above; ``base`` plays no part."""
        share = min(t / self.total_steps, 1.0)
        return self.start * (1.0 - share) + self.end * share

    @property
    def horizon(self) -> int:
        """The climb, and a quarter more."""
        return math.ceil(1.25 * self.total_steps)


@final
class SutskeverMomentum(Schedule):
    r"""Raise the momentum in stairs towards 1, as suits convex problems, up to a ceiling.

    .. math:: \mu_t = \min\left(1 - 2^{-1 - \log_2(\lfloor t / s \rfloor + 1)},\; \mu_\max\right)
              = \min\left(1 - \frac{1}{2 (\lfloor t / s \rfloor + 1)},\; \mu_\max\right)

    Args:
        optimizer: One whose groups have ``momentum`` or ``betas``; their own value is replaced.
        max_momentum: Ceiling, from 0 to below 1; the paper tries 0.9, 0.99, 0.995 and 0.999. Default 0.99.
        stair: s, time units of one stair, at least 1; the paper's 250.
        last_epoch: -1 to start.
        steps_per_epoch: Calls of ``step()`` to a time unit.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If an argument is out of range, or the optimizer has no momentum.

    Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
    learning" (2013), equation 5.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9)
    >>> SutskeverMomentum(optimizer).curve(751)[[0, 250, 500, 750]].round(4)
    array([0.5   , 0.75  , 0.8333, 0.875 ])
    """

    quantity: Quantity = "momentum"

    def __init__(
        self,
        optimizer: Optimizer,
        max_momentum: float = 0.99,
        stair: int = 250,
        last_epoch: int = -1,
        *,
        steps_per_epoch: int = 1,
    ) -> None:
        self.max_momentum = arguments.number("max_momentum", max_momentum, below=1.0)
        self.stair = arguments.count("stair", stair)
        super().__init__(optimizer, last_epoch, steps_per_epoch=steps_per_epoch)

    def value(self, t: int, base: float) -> float:
        """Return the formula above; ``base`` plays no part."""
        return min(1.0 - 0.5 / (t // self.stair + 1), self.max_momentum)

    @property
    def horizon(self) -> int:
        """Ten stairs."""
        return 10 * self.stair

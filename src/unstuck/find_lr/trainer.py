"""What every method of the search asks for: train from the same start, at these rates, and say what the losses were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

__all__ = ["Trainer", "Trial", "bound_by", "grew", "momentum_of", "rates_of", "ratios_of", "set_rates"]

GROWN = 100.0
"""Times the largest loss of any batch at the start: a training whose loss has grown to more will not be of use."""


@dataclass(frozen=True)
class Trial:
    """A short training.

    Attributes:
        rates: The rate of each update that was made, the last one perhaps not.
        losses: The loss that each of them began with, that of a batch; the last may be infinite or NaN.
        ended: Why there are fewer losses than rates were asked for, other than a loss that is not finite: the loss grew
            beyond the trainer's bound, or a script came to its end.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    ended: str = ""

    @property
    def finite(self) -> bool:
        """Whether there is a loss, and every one is a number."""
        return bool(self.losses) and all(math.isfinite(loss) for loss in self.losses)

    def start(self, count: int = 1) -> float:
        """The mean of the first losses."""
        first = self.losses[:count]
        return sum(first) / len(first) if first else math.nan

    def end(self, share: float = 0.25) -> float:
        """The mean of the last losses: of this share of them; infinite where one of all is not finite.

        Examples:
            >>> Trial((0.1,) * 4, (4.0, 3.0, 2.0, 1.0)).end(0.5)
            1.5
        """
        if not self.finite:
            return math.inf
        last = self.losses[-max(round(len(self.losses) * share), 1) :]
        return sum(last) / len(last)


class Trainer(Protocol):
    """Something that can be trained again and again from one start.

    Attributes:
        rate: The largest rate that the optimizer was given; other parameter groups keep their ratio to it.
        method: The name of the optimizer.
        momentum: Share of its last direction that it keeps, Adam's first beta among them; 0 where it keeps none.
        bound: A loss beyond which training ends; infinite unless it is set.
    """

    rate: float
    method: str
    momentum: float
    bound: float

    def train(self, rates: Sequence[float], *, repeat: int = 0) -> Trial:
        """Train from the start: the update that follows the k-th loss is made at the k-th rate.

        It ends after the first loss that is beyond the bound or not finite. The same repeat has the same batches,
        another has others.
        """
        ...


def bound_by(still: Trial) -> float:
    """The loss beyond which training has gone to pieces, by those of the batches at the start.

    Examples:
        >>> bound_by(Trial((0.0, 0.0), (2.0, 2.5)))
        250.0
    """
    return GROWN * max(map(abs, still.losses), default=math.inf)


def grew(loss: float) -> str:
    """Why a trial ended whose loss is beyond the bound."""
    return f"the loss grew to {loss:.3g}"


def rates_of(optimizer: Optimizer) -> list[float]:
    """Of each group its rate; where a schedule has it, that of which the schedule takes a share."""
    return [float(group.get("initial_lr", group["lr"])) for group in optimizer.param_groups]


def ratios_of(optimizer: Optimizer) -> list[float]:
    """Of each group, its rate over the largest of all.

    Examples:
        >>> a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
        >>> ratios_of(torch.optim.SGD([{"params": [a], "lr": 0.1}, {"params": [b], "lr": 0.05}]))
        [1.0, 0.5]
    """
    rates = rates_of(optimizer)
    largest = max(rates)
    return [rate / largest if largest > 0.0 else 1.0 for rate in rates]


def momentum_of(optimizer: Optimizer) -> float:
    """Share of its last direction that an optimizer keeps.

    Examples:
        >>> momentum_of(torch.optim.Adam([torch.ones(1, requires_grad=True)]))
        0.9
    """
    group = optimizer.param_groups[0]
    betas = group.get("betas")
    kept = group.get("momentum", betas[0] if isinstance(betas, tuple | list) and betas else 0.0)
    return float(kept) if isinstance(kept, int | float) else 0.0


def set_rates(optimizer: Optimizer, rate: float, ratios: Sequence[float]) -> None:
    """Set the rate of every group."""
    for group, ratio in zip(optimizer.param_groups, ratios, strict=False):
        if isinstance(group["lr"], Tensor):
            with torch.no_grad():
                group["lr"].fill_(rate * ratio)
        else:
            group["lr"] = rate * ratio

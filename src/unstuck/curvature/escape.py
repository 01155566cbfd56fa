"""Go a little way along a direction, and see what the loss does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from unstuck.curvature.landscape import Landscape, by_name

__all__ = ["Trial", "try_direction"]

LENGTHS = tuple(10.0 ** (k / 2.0) for k in range(-8, 2))
"""Lengths that are tried, over the length of all weights: from a ten-thousandth to three times."""

NAMED = 3
"""Weights that are named as those which the direction moves most."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The loss along a direction.

    Attributes:
        loss: At the point.
        lengths: Lengths of the steps, ascending; negative against the direction.
        losses: The loss after each.
        moved: Tensors by their share of the direction's squared length, the largest first.
        direction: The direction itself, where it has few entries; empty otherwise.
    """

    loss: float
    lengths: tuple[float, ...]
    losses: tuple[float, ...]
    moved: tuple[tuple[str, float], ...]
    direction: tuple[float, ...] = ()

    @property
    def lowest(self) -> tuple[float, float]:
        """Length and loss of the best step; length 0 where none is below the point."""
        finite = [(loss, length) for loss, length in zip(self.losses, self.lengths, strict=True) if math.isfinite(loss)]
        loss, length = min(finite, default=(math.inf, 0.0))
        return (length, loss) if loss < self.loss else (0.0, self.loss)

    @property
    def fall(self) -> float:
        """By how much the best step lowers the loss."""
        return self.loss - self.lowest[1]


def try_direction(
    landscape: Landscape, direction: Tensor, *, sides: Sequence[float] = (1.0, -1.0), few: int = 10
) -> Trial:
    """Evaluate the loss along a direction of length 1, on both sides by default.

    Args:
        landscape: The loss about the point.
        direction: The direction, all weights in one row.
        sides: Factors of each length.
        few: Entries up to which the direction itself is kept.
    """
    scale = max(float(landscape.point.norm()), 1.0)
    lengths = sorted(side * length * scale for side in sides for length in LENGTHS)
    shares = {name: float(part.square().sum()) for name, part in by_name(landscape, direction).items()}
    moved = sorted(shares.items(), key=lambda entry: -entry[1])[:NAMED]
    return Trial(
        loss=landscape.loss(),
        lengths=tuple(lengths),
        losses=tuple(landscape.loss(length * direction.to(landscape.point.device)) for length in lengths),
        moved=tuple((name, share) for name, share in moved if share > 0.0),
        direction=tuple(direction.tolist()) if direction.numel() <= few else (),
    )

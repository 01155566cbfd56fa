"""Are evaluated inputs of the kind that was trained on? Their moments, value by value of an example."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unstuck.observe.tensors.readable import is_readable
from unstuck.record import facts

__all__ = ["ShiftProbe"]

VALUES = 256
"""Values of an example that are compared, evenly spread over it."""

MOST_EXAMPLES = 1_024
"""Examples of a batch that are looked at, evenly spread over it."""

FEWEST = 32
"""Examples of either side below which nothing is said."""


@dataclass
class _Moments:
    """Count, sums, sums of squares, sums of what is whole of them, and how many are whole, by value."""

    count: int = 0
    sums: Tensor | None = None

    def add(self, rows: Tensor) -> None:
        cut = rows.trunc()
        sums = torch.stack([rows.sum(dim=0), rows.square().sum(dim=0), cut.sum(dim=0), (cut == rows).sum(dim=0)])
        if self.sums is None:
            self.count, self.sums = len(rows), sums
        elif self.sums.shape == sums.shape and self.sums.device == sums.device:
            self.count, self.sums = self.count + len(rows), self.sums + sums

    def mean_and_variance(self) -> tuple[Tensor, Tensor]:
        mean, square = self._means[:2]
        return mean, (square - mean.square()).clamp_min(0.0)

    @property
    def cut(self) -> Tensor:
        """Means of the values without what stands behind their point."""
        return self._means[2]

    @property
    def whole(self) -> float:
        """Share of the values that are whole numbers."""
        return float(self._means[3].mean())

    @property
    def _means(self) -> Tensor:
        assert self.sums is not None
        return (self.sums / self.count).cpu()


@dataclass
class ShiftProbe:
    """Gather the moments of training batches and of the batches of each place that evaluates."""

    _trained: _Moments = field(default_factory=_Moments)
    _evaluated: dict[str, _Moments] = field(default_factory=dict[str, _Moments])

    def train(self, batch: Tensor) -> None:
        """Take a training batch."""
        rows = _rows(batch)
        if rows is not None:
            self._trained.add(rows)

    def evaluate(self, place: str, batch: Tensor) -> None:
        """Take a batch that a place evaluates."""
        rows = _rows(batch)
        if rows is not None:
            self._evaluated.setdefault(place, _Moments()).add(rows)

    def fact(self, counts: Callable[[str], bool]) -> facts.Shift | None:
        """The comparison with the places that count; None where one side is missing, or they differ in shape.

        Args:
            counts: Whether a place evaluates other examples than the training set itself.
        """
        places = [moments for place, moments in self._evaluated.items() if counts(place)]
        other = max(places, key=lambda moments: moments.count, default=None)
        train = self._trained
        if other is None or min(other.count, train.count) < FEWEST or train.sums is None or other.sums is None:
            return None
        if train.sums.shape != other.sums.shape:
            return None
        (mean, variance), (other_mean, other_variance) = train.mean_and_variance(), other.mean_and_variance()
        total, other_total = float(variance.sum()), float(other_variance.sum())
        scale = (total + other_total) / 2
        if not math.isfinite(scale) or scale <= 0 or other_total <= 0:
            return None
        far = float((mean - other_mean).square().sum()) / scale - (1 / train.count + 1 / other.count)
        return facts.Shift(
            trained=train.count,
            evaluated=other.count,
            distance=math.sqrt(max(0.0, far)),
            spread=math.sqrt(total / other_total),
            whole=train.whole,
            whole_evaluated=other.whole,
            cut=math.sqrt(float((mean - other.cut).square().sum()) / other_total),
        )


def _rows(batch: Tensor) -> Tensor | None:
    """Examples by values, shape (N, V); None where there is nothing to compare."""
    if not is_readable(batch) or batch.dim() < 2 or not batch.numel() or not batch.is_floating_point():
        return None
    examples = batch.detach()[:: -(-len(batch) // MOST_EXAMPLES)]
    rows = examples.reshape(len(examples), -1)
    return rows[:, :: -(-rows.shape[1] // VALUES)].double()

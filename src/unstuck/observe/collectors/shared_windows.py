"""Do windows of a text or a series that validate lie between windows that are trained on?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Shared", "SharedWindows"]

Numbers = NDArray[np.uint64]

SHORTEST = 8
"""Positions of a window, of whose halves chance makes few equal."""

MOST_VALUES = 1 << 20
"""Values of a batch that is looked at."""

MOST_WINDOWS = 1_024
"""Evaluated windows of a place that are kept, the first ones."""

MOST_PARTS = 1 << 18
"""Parts of these."""

BASE, SPREAD, WORD = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 1 << 64
"""Odd, so that powers have inverses modulo 2 to the 64."""

AXES = (2, 3)


@dataclass(frozen=True)
class Shared:
    """What :class:`~unstuck.record.facts.WindowsShared` says without the place."""

    evaluated: int
    inside: int
    trained: int
    branching: float
    length: int


@dataclass
class _Trained:
    """Halves of training windows: in which ends each beginning goes on, and all ends."""

    begun: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    ended: set[int] = field(default_factory=set[int])


@dataclass
class SharedWindows:
    """Remember the halves of windows that are trained on, and all parts of that length of those that are evaluated.

    Attributes:
        trained: By the place that calls the model, and the length of the windows.
        evaluated: Hashes of parts by place, shape (windows, parts), of the windows' length.

    Examples:
        >>> import torch
        >>> windows = torch.randint(0, 50, (400,), generator=torch.Generator().manual_seed(0)).unfold(0, 16, 1)
        >>> known = SharedWindows()
        >>> known.train("train.py:1", windows[::2])
        >>> known.evaluate("train.py:2", windows[1::2])
        >>> known.shared("train.py:2", {"train.py:1"})
        Shared(evaluated=192, inside=192, trained=193, branching=0.0, length=16)
    """

    trained: dict[tuple[str, int], _Trained] = field(default_factory=dict[tuple[str, int], _Trained])
    evaluated: dict[str, tuple[int, list[Numbers]]] = field(default_factory=dict[str, tuple[int, list[Numbers]]])

    def train(self, place: str, batch: Tensor) -> None:
        """Add a batch that is trained on."""
        numbers = _positions(batch)
        if numbers is None:
            return
        length = numbers.shape[1]
        half = -(-length // 2)
        known = self.trained.setdefault((place, length), _Trained())
        halves = np.concatenate([numbers[:, :half], numbers[:, -half:]])
        begun, ended = np.split(_hashes(halves, half)[:, 0], 2)
        for one, then in zip(begun.tolist(), ended.tolist(), strict=True):
            known.begun.setdefault(one, set()).add(then)
        known.ended.update(ended.tolist())

    def evaluate(self, place: str, batch: Tensor) -> None:
        """Add a batch that is evaluated."""
        length, parts = self.evaluated.get(place, (0, []))
        rows = sum(map(len, parts))
        if rows >= MOST_WINDOWS or sum(part.size for part in parts) >= MOST_PARTS:
            return
        numbers = _positions(batch[: MOST_WINDOWS - rows])
        if numbers is not None and length in (0, numbers.shape[1]):
            self.evaluated[place] = (numbers.shape[1], [*parts, _hashes(numbers, -(-numbers.shape[1] // 2))])

    def shared(self, place: str, learning: Iterable[str]) -> Shared | None:
        """Compare what a place evaluates with what others train on; None where there is nothing to compare.

        Args:
            place: The place that evaluates.
            learning: The places that train.
        """
        length, parts = self.evaluated.get(place, (0, []))
        known = [self.trained[one, length] for one in learning if (one, length) in self.trained]
        if not known or not parts:
            return None
        begun = {one: then for each in known for one, then in each.begun.items()}
        ended = set[int]().union(*(each.ended for each in known))
        hashes = np.concatenate(parts)
        begins, ends = (np.isin(hashes, np.fromiter(some, np.uint64, len(some))) for some in (begun, ended))
        met = begins[:, 0] & ends[:, -1]
        inside = begins[:, 1:].any(axis=1) & ends[:, :-1].any(axis=1) & ~met
        several = sum(len(then) > 1 for then in begun.values())
        return Shared(len(hashes), int(inside.sum()), len(begun), several / len(begun), length)


def _positions(batch: Tensor) -> Numbers | None:
    """One number for each position of each window, by its bits; None where a batch holds no windows."""
    if batch.dim() not in AXES or batch.is_complex() or not max(batch.shape[1:]) >= SHORTEST or not len(batch):
        return None
    if batch.numel() > MOST_VALUES or batch.device.type != "cpu":
        return None
    values: NDArray[Any] = batch.detach().double().numpy()
    if values.ndim == AXES[-1] and values.shape[1] < values.shape[2]:  # features come first
        values = values.swapaxes(1, 2)
    bits = np.ascontiguousarray(values).view(np.uint64)
    bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(SPREAD)
    bits = bits ^ (bits >> np.uint64(32))
    if bits.ndim == AXES[-1]:
        bits = (bits * _powers(bits.shape[2])[0]).sum(axis=2, dtype=np.uint64)
    return bits


@cache
def _powers(count: int) -> tuple[Numbers, Numbers]:
    """Powers of the base and their inverses, modulo 2 to the 64."""
    inverse = pow(BASE, -1, WORD)
    up, down = ([pow(base, power, WORD) for power in range(count)] for base in (BASE, inverse))
    return np.array(up, dtype=np.uint64), np.array(down, dtype=np.uint64)


def _hashes(numbers: Numbers, part: int) -> Numbers:
    """Hashes of all parts of a length, equal for equal parts wherever they stand."""
    up, down = _powers(numbers.shape[1])
    sums = np.zeros((len(numbers), numbers.shape[1] + 1), dtype=np.uint64)
    np.cumsum(numbers * up, axis=1, dtype=np.uint64, out=sums[:, 1:])
    return (sums[:, part:] - sums[:, :-part]) * down[: numbers.shape[1] - part + 1]

"""Variables beside a batch that mark some of its examples, by values of zero and one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_variables

__all__ = ["Marks", "marks"]

FEWEST = 8
"""Marked examples below which nothing is said of their rewards."""

MOST_SHARE = 0.5
"""Share of examples from which on a mark is none of an end."""

MOST_ENTRIES = 16
"""Entries of one variable that are looked at."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Marks:
    """Examples that are marked, and the rest, with sums by which their numbers are compared.

    Examples:
        >>> seen = Marks.of(np.array([1.0, 0.0, 0.0, 1.0]), np.array([5.0, 1.0, 2.0, 5.0]))
        >>> seen.count, seen.apart is None
        (2, True)
    """

    marked: tuple[float, ...] = ()
    others: tuple[float, ...] = ()

    @classmethod
    def of(cls, marks: Numbers, numbers: Numbers) -> Marks:
        """Numbers of examples by their marks."""
        return cls(tuple(numbers[marks == 1.0]), tuple(numbers[marks == 0.0]))

    @property
    def count(self) -> int:
        """How many are marked."""
        return len(self.marked)

    @property
    def apart(self) -> float | None:
        """How far the means are apart, in standard deviations of the others; None for too few."""
        if len(self.marked) < FEWEST or len(self.others) < FEWEST:
            return None
        difference = abs(float(np.mean(self.marked)) - float(np.mean(self.others)))
        scatter = float(np.std(self.others))
        return difference / scatter if scatter else (float("inf") if difference else 0.0)

    def joined(self, other: Marks) -> Marks:
        """Those of two batches."""
        return Marks(self.marked + other.marked, self.others + other.others)


def marks(numbers: Tensor) -> Marks:
    """The marks of a batch that the variables of the user's running functions hold.

    Args:
        numbers: One for each example.
    """
    values = numbers.detach().double().cpu().numpy()
    found = [flags for flags in _flags(user_variables(), len(values)) if 0.0 < flags.mean() <= MOST_SHARE]
    if not found:
        return Marks()
    return Marks.of(min(found, key=lambda flags: float(flags.mean())), values)


def _flags(variables: Iterable[object], count: int) -> Iterator[Numbers]:
    for variable in variables:
        for value in _entries(variable):
            flags = _read(value, count)
            if flags is not None and ((flags == 0.0) | (flags == 1.0)).all():
                yield flags


def _entries(variable: object) -> Iterator[object]:
    yield variable
    if type(variable) is dict:
        yield from list(variable.values())[:MOST_ENTRIES]
    elif isinstance(variable, tuple | list) and type(variable).__iter__ in (tuple.__iter__, list.__iter__):
        yield from variable[:MOST_ENTRIES]


def _read(value: Any, count: int) -> Numbers | None:
    """Numbers that are no integers, one for each example; None for anything else."""
    if type(value) is Tensor:
        fits = value.numel() == count and not value.requires_grad and is_readable(value)
        real = value.is_floating_point() or value.dtype in (torch.bool, torch.uint8)
        return value.detach().reshape(-1).double().cpu().numpy() if fits and real else None
    if type(value) is np.ndarray:
        return value.reshape(-1).astype(np.float64) if value.size == count and value.dtype.kind in "fb" else None
    if type(value) in (tuple, list) and len(value) == count and all(type(one) in (bool, float) for one in value):
        return np.array(value, dtype=np.float64)
    return None

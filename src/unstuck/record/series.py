"""What is read of a signal: numbers over the steps, made from the rows of a run's file and held against its layout."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import ArgumentError
from unstuck.record.signals import Signal

__all__ = ["MOST_BYTES", "Series", "Table", "array_of", "series_of", "table_of", "whole"]

MOST_BYTES = 1 << 26
"""Most bytes of one sample or array: more than any that is written, and little enough to be read."""

MOST_STEPS = 1 << 53
"""Steps beyond this are damage."""

MOST_VALUES = 1 << 27
"""Most values of one table."""

Row = tuple[int, int, bytes]
"""Position, step and values of a sample."""


@dataclass(frozen=True)
class Series:
    """One number over the steps.

    Attributes:
        steps: Training steps, ascending, shape (S,), int64.
        values: The numbers, shape (S,), float64; NaN where an entry was missing.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def finite(self) -> Series:
        """The samples that are finite."""
        keep = np.isfinite(self.values)
        return Series(self.steps[keep], self.values[keep])

    def between(self, first: int, last: int) -> Series:
        """The samples of the steps from ``first`` to ``last``, both included."""
        keep = (self.steps >= first) & (self.steps <= last)
        return Series(self.steps[keep], self.values[keep])


@dataclass(frozen=True)
class Table:
    """One number for each entry of an index, over the steps.

    Attributes:
        steps: Training steps, ascending, shape (S,), int64.
        names: Name of each entry, length C.
        values: The numbers, shape (S, C), or (S, C, bins) for a histogram, float64; NaN where missing.
    """

    steps: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def column(self, name: str) -> Series:
        """The samples of one entry.

        Raises:
            ArgumentError: There is no entry of that name.
        """
        if name not in self.names:
            raise ArgumentError(f"name={name!r}: this table has {', '.join(self.names) or 'no entries'}")
        return Series(self.steps, self.values[:, self.names.index(name)])

    def columns(self) -> Iterator[tuple[str, Series]]:
        """Each entry's name with its samples."""
        for position, name in enumerate(self.names):
            yield name, Series(self.steps, self.values[:, position])


def series_of(rows: Sequence[Row]) -> Series:
    """The series of a signal with one number a step.

    Args:
        rows: Position, step and value of each sample, as they stand in the file.

    Raises:
        ValueError: These are no samples of such a signal.
    """
    steps, blobs = _split(rows)
    if any(len(blob) != 8 for blob in blobs):
        raise ValueError("a sample is not one number")
    return Series(steps, np.frombuffer(b"".join(blobs), np.float64))


def table_of(rows: Sequence[Row], signal: Signal, names: tuple[str, ...]) -> Table:
    """The table of a signal with one number, or one histogram, for each entry of its index.

    Args:
        rows: Position, step and values of each sample, as they stand in the file.
        signal: The signal.
        names: Names of the entries.

    Raises:
        ValueError: These are no samples of such a signal.
    """
    steps, blobs = _split(rows)
    size = 4 * signal.bins
    lengths = np.array([len(blob) for blob in blobs], dtype=np.int64)
    if (lengths % size).any():
        raise ValueError(f"a sample is no whole number of values for each {signal.index.value}")
    widest = int(lengths.max(initial=0)) // size
    if widest > len(names):
        raise ValueError(f"samples have {widest} values, and {len(names)} names of a {signal.index.value} are known")
    if len(rows) * len(names) * signal.bins > MOST_VALUES:
        raise ValueError(f"{len(names)} names of a {signal.index.value} are too many for samples of {widest} values")
    values = np.full((len(rows), len(names), signal.bins), np.nan)
    # Samples of one length are converted together: there are few lengths, and often a single one.
    for length in np.unique(lengths):
        at = np.flatnonzero(lengths == length)
        block = np.frombuffer(b"".join([blobs[i] for i in at]), np.float32)
        values[at, : length // size] = block.reshape(len(at), -1, signal.bins)
    return Table(steps, names, values if signal.bins > 1 else values[:, :, 0])


def array_of(shape: object, data: object) -> NDArray[np.float32]:
    """An array, from its shape as JSON and its values as they stand in the file.

    Raises:
        ValueError: They do not fit each other.
    """
    sizes = json.loads(shape) if isinstance(shape, str) else None
    if not isinstance(sizes, list) or not isinstance(data, bytes):
        raise ValueError("one has no shape, no values, or a huge number of them")
    sizes_whole = [whole(size) for size in cast("list[object]", sizes)]
    if 4 * math.prod(sizes_whole) != len(data):
        raise ValueError(f"one of {len(data)} bytes has the shape {'x'.join(map(str, sizes_whole)) or '()'}")
    return np.frombuffer(data, np.float32).reshape(sizes_whole)


def whole(value: object) -> int:
    """A whole number of things, such as a step.

    Raises:
        ValueError: It is none, negative, or beyond any training.
    """
    if type(value) is not int or not 0 <= value < MOST_STEPS:
        raise ValueError("one has no number, or one that is out of range")
    return value


def _split(rows: Sequence[Row]) -> tuple[NDArray[np.int64], list[bytes]]:
    """Steps and blobs of samples, which SQLite keeps as whatever somebody wrote."""
    if not rows:
        return np.empty(0, np.int64), []
    positions, steps, blobs = zip(*rows, strict=True)
    if not {*map(type, positions), *map(type, steps)} <= {int}:
        raise ValueError("a step is no whole number")
    if not set(map(type, blobs)) <= {bytes}:
        raise ValueError("a sample is no blob of values, or a huge one")
    at, counted = np.array(positions, dtype=np.int64), np.array(steps, dtype=np.int64)
    # However samples were thinned, those that are kept lie no closer later on than earlier.
    if at[0] != 0 or (np.diff(at, n=2) < 0).any():
        raise ValueError("samples are missing")
    if counted[0] < 0 or counted[-1] >= MOST_STEPS or (np.diff(counted) < 0).any():
        raise ValueError("the steps do not ascend")
    return counted, list(blobs)

"""Fewer points for the same picture."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["decimate", "moving_mean"]


def decimate(values: NDArray[np.float64], rows: int) -> NDArray[np.int64]:
    """Choose the rows to draw, so that no peak is lost.

    The rows are cut into equal buckets; of each bucket the rows that hold the smallest and the largest finite value of
    any column are kept, so a spike of a single sample stays visible at its true height and step. The first and the last
    row are always kept.

    Args:
        values: The samples, shape (S, C).
        rows: About how many rows to keep; never fewer than two a column.

    Returns:
        Positions of the rows to keep, ascending, at most ``max(rows, 2 * C) + 2`` of them.

    Examples:
        >>> noise = np.zeros((10_000, 1))
        >>> noise[1234] = 7.0
        >>> kept = decimate(noise, 100)
        >>> len(kept) <= 102, 1234 in kept
        (True, True)
    """
    count, columns = values.shape
    if count <= rows:
        return np.arange(count)
    finite = np.isfinite(values)
    low, high = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
    edges = np.linspace(0, count, max(1, rows // (2 * columns)) + 1).astype(np.int64)
    kept = [np.array([0, count - 1])]
    for first, last in pairwise(edges.tolist()):
        kept += [first + low[first:last].argmin(axis=0), first + high[first:last].argmax(axis=0)]
    return np.unique(np.concatenate(kept))


def moving_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Mean of each value and its neighbours, shape (S,): of ``window`` values, an odd number, fewer at the ends.

    It stands in the middle of what it means, so it does not lag behind a curve that falls. Values that are not finite
    are left out, and their own means are NaN. Each mean is summed anew, since a running sum would keep the rounding
    error of a spike of 1e20 for ever.

    Examples:
        >>> moving_mean(np.array([1.0, 2.0, 6.0, np.nan, 5.0]), 3).tolist()
        [1.5, 3.0, 4.0, nan, 5.0]
    """
    half = window // 2
    finite = np.isfinite(values)
    ones = np.ones(2 * half + 1)
    total = np.convolve(np.where(finite, values, 0.0), ones)[half : half + len(values)]
    count = np.convolve(finite.astype(np.float64), ones)[half : half + len(values)]
    return np.divide(total, count, out=np.full(len(values), np.nan), where=finite)

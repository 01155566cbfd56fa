"""Standardisation: its constants are fitted on the training part and applied to every part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["How", "Per", "Scaling"]

Array = NDArray[np.float64]

How = Literal["standard", "mean", "deviation", "range"]
"""Subtract the mean and divide by the deviation; only the first; only the second; or map the range to 0 to 1."""

Per = Literal["channel", "pixel"]
"""Whether an image has one pair of constants a channel, or one a pixel."""

TOGETHER = 8192  #: examples in float64 at a time, so that a large set of bytes needs no eightfold copy


@dataclass(frozen=True, eq=False)
class Scaling:
    r"""Shift and stretch: :math:`z = (x - \mu) / \sigma`, zero mean and unit standard deviation by default.

    Attributes:
        mean: :math:`\mu`, broadcastable over the examples; 0 where only the deviation is divided by, and the smallest
            value where the range is mapped.
        std: :math:`\sigma` of the same shape, 1 where a feature is constant or only the mean is subtracted, and the
            width of the range where that is mapped.

    Examples:
        >>> values = np.array([[0.0, 5.0], [2.0, 5.0]])
        >>> scaling = Scaling.fit(values)
        >>> scaling.apply(values).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
        >>> scaling.undo(scaling.apply(values)).tolist()
        [[0.0, 5.0], [2.0, 5.0]]
        >>> Scaling.fit(values, how="range").apply(values).tolist()
        [[0.0, 0.0], [1.0, 0.0]]
    """

    mean: Array
    std: Array

    @classmethod
    def fit(cls, values: NDArray[Any], *, how: How = "standard", per: Per = "channel") -> Scaling:
        """Measure the constants.

        A column of a table is a feature of its own. Pixels of an image are not: their differences carry the picture,
        so that an image is scaled by channel unless ``per="pixel"`` is asked for.

        Args:
            values: The training examples: (N, F), or (N, C, H, W) for images.
            how: What is subtracted, and what is divided by.
            per: What has constants of its own in an image; a table has them for each column.
        """
        axes = (0, 2, 3) if values.ndim == 4 and per == "channel" else (0,)
        mean, std, constant = _range(values, axes) if how == "range" else _moments(values, axes)
        if how == "mean":
            std = np.ones_like(std)
        if how == "deviation":
            mean = np.zeros_like(mean)
        return cls(mean, np.where(constant, 1.0, std))

    def apply(self, values: Array) -> Array:
        """Scale."""
        return (values - self.mean) / self.std

    def to_float32(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Scale examples of any type into float32, in pieces."""
        scaled = np.empty(values.shape, dtype=np.float32)
        for start in range(0, len(values), TOGETHER):
            piece = slice(start, start + TOGETHER)
            scaled[piece] = self.apply(values[piece].astype(np.float64))
        return scaled

    def undo(self, values: Array) -> Array:
        """Return scaled values to their own units."""
        return values * self.std + self.mean


def _moments(values: NDArray[Any], axes: tuple[int, ...]) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Mean, standard deviation, and where the latter is only rounding."""
    over = values.size // max(_size(values, axes), 1)
    mean = np.sum([piece.sum(axis=axes, keepdims=True) for piece in _pieces(values)], axis=0) / over
    squares = [((piece - mean) ** 2).sum(axis=axes, keepdims=True) for piece in _pieces(values)]
    std: Array = np.sqrt(np.sum(squares, axis=0) / over)
    # Rounding alone gives a constant column a tiny spread, which would blow its noise up to unit scale.
    return mean, std, (std <= 1e-12 * np.abs(mean)) | (std == 0.0)


def _range(values: NDArray[Any], axes: tuple[int, ...]) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Smallest value, width of the range, and where that is nothing."""
    least = values.min(axis=axes, keepdims=True).astype(np.float64)
    width = values.max(axis=axes, keepdims=True).astype(np.float64) - least
    return least, width, width == 0.0


def _pieces(values: NDArray[Any]) -> Iterator[Array]:
    for start in range(0, len(values), TOGETHER):
        yield values[start : start + TOGETHER].astype(np.float64)


def _size(values: NDArray[Any], axes: tuple[int, ...]) -> int:
    """How many constants there are."""
    return int(np.prod([size for axis, size in enumerate(values.shape) if axis not in axes]))

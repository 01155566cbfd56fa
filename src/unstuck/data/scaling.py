"""Standardisation: its constants are fitted on the training part and applied to every part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scaling"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaling:
    r"""Zero mean and unit standard deviation: :math:`z = (x - \mu) / \sigma`.

    Attributes:
        mean: :math:`\mu`, broadcastable over the examples.
        std: :math:`\sigma` of the same shape, 1 where a feature is constant.

    Examples:
        >>> values = np.array([[0.0, 5.0], [2.0, 5.0]])
        >>> scaling = Scaling.fit(values)
        >>> scaling.apply(values).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
        >>> scaling.undo(scaling.apply(values)).tolist()
        [[0.0, 5.0], [2.0, 5.0]]
    """

    mean: Array
    std: Array

    @classmethod
    def fit(cls, values: Array) -> Scaling:
        """Measure mean and standard deviation.

        A column of a table is a feature of its own. Pixels of an image are not: their differences carry the picture,
        so that an image is scaled by channel.

        Args:
            values: The training examples: (N, F), or (N, C, H, W) for images.
        """
        axes = (0, 2, 3) if values.ndim == 4 else (0,)
        mean = values.mean(axis=axes, keepdims=True)
        std = values.std(axis=axes, keepdims=True)
        # Rounding alone gives a constant column a tiny spread, which would blow its noise up to unit scale.
        constant = std <= 1e-12 * np.abs(mean)
        return cls(mean, np.where(constant | (std == 0.0), 1.0, std))

    def apply(self, values: Array) -> Array:
        """Standardise."""
        return (values - self.mean) / self.std

    def undo(self, values: Array) -> Array:
        """Return standardised values to their own units."""
        return values * self.std + self.mean

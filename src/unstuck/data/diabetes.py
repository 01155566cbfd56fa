"""Progress of diabetes: 442 patients, ten measurements, one real target."""

from __future__ import annotations

import numpy as np

from unstuck.data.source import Source
from unstuck.optional import require

__all__ = ["diabetes"]


def diabetes() -> Source:
    """Age, sex, body mass index, blood pressure and six blood values against progress a year later (25 to 346).

    The ten columns are in their own units.

    Source: B. Efron et al. (2004), "Least angle regression", Annals of Statistics 32, as shipped with scikit-learn.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    datasets = require("sklearn.datasets", extra="train", purpose="the data set 'diabetes'")
    inputs, targets = datasets.load_diabetes(return_X_y=True, scaled=False)
    return Source(
        name="diabetes",
        task="regression",
        inputs=np.asarray(inputs, dtype=np.float64),
        targets=np.asarray(targets, dtype=np.float64),
    )

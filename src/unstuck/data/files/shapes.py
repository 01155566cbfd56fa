"""Arrays as we keep them: rows of a table, or images with their channels first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.data.source import Task
from unstuck.errors import DataError

__all__ = ["classes_or_numbers", "inputs_of"]

CHANNELS = (1, 3, 4)


def inputs_of(where: str, values: NDArray[Any]) -> NDArray[Any]:
    """Bring inputs to (N, F) or (N, C, H, W).

    Images of (N, H, W) get one channel. Those of (N, H, W, C) are turned: they are known by a last size of 1, 3 or 4
    where the second is another.

    Raises:
        DataError: They are no real numbers, or of another number of dimensions.
    """
    if not (
        np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating) or values.dtype.kind == "b"
    ):
        raise DataError(f"{where}: found values of {values.dtype}; real numbers are accepted")
    if values.ndim == 1:
        return values[:, np.newaxis]
    if values.ndim == 3:
        return values[:, np.newaxis]
    if values.ndim not in (2, 4):
        raise DataError(
            f"{where}: found an array of {values.ndim} dimensions; (N, F) is accepted for tables, (N, H, W), "
            "(N, C, H, W) or (N, H, W, C) for images"
        )
    channels_last = values.ndim == 4 and values.shape[3] in CHANNELS and values.shape[1] not in CHANNELS
    return values.transpose(0, 3, 1, 2) if channels_last else values


def classes_or_numbers(where: str, targets: NDArray[Any], task: Task | None) -> tuple[Task, NDArray[Any]]:
    """Tell classes from numbers: by the task given, else whole numbers are classes and others are not.

    Classes in a column, as (N, 1), are the same as in a row.

    Raises:
        DataError: They are no numbers, or classes that are not whole.
    """
    kind = targets.dtype
    whole = kind.kind == "b" or np.issubdtype(kind, np.integer)
    if not whole and not np.issubdtype(kind, np.floating):
        raise DataError(f"{where}: found targets of {kind}; whole numbers are accepted for classes, or real ones")
    chosen = task or ("classification" if whole else "regression")
    if chosen == "classification" and targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if chosen == "regression" or whole:
        return chosen, targets.astype(np.int64) if chosen == "classification" else targets.astype(np.float64)
    if not np.array_equal(targets, np.round(targets)):
        raise DataError(f"{where}: found targets such as {targets.flat[0]:g} for classes; whole numbers are accepted")
    return chosen, targets.astype(np.int64)

"""Refuse examples that nothing can be learned from, and say which ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["check"]

SHOWN = 5  #: rows or classes that a message lists


def check(source: Source) -> None:
    """Check a data set before it is split.

    Raises:
        DataError: It is empty, inputs and targets differ in number, a value is NaN or infinite, class ids are not
            0 to C - 1 or all the same, or real targets are all equal.
    """
    examples = len(source.inputs)
    if examples == 0 or source.inputs.size == 0:
        shape = " x ".join(map(str, source.inputs.shape))
        raise DataError(f"{source.name}: the data set is empty (inputs of shape {shape}); give at least one example")
    if len(source.targets) != examples:
        raise DataError(
            f"{source.name}: {examples} inputs but {len(source.targets)} targets; each example needs one of each"
        )
    if source.symbolic:
        _symbols(source)
        return
    _finite(source.name, "inputs", source.inputs)
    if source.task == "classification":
        _classes(source)
    else:
        _real(source)


def _finite(name: str, what: str, values: NDArray[Any]) -> None:
    if not np.issubdtype(values.dtype, np.inexact):
        return
    bad = ~np.isfinite(values).reshape(len(values), -1)
    rows = np.any(bad, axis=1, keepdims=True)[:, 0]
    if rows.any():
        raise DataError(
            f"{name}: {bad.sum()} of {bad.size} values of the {what} are NaN or infinite, first in "
            f"{_rows(rows)}; remove these examples, or fill the gaps before training"
        )


def _symbols(source: Source) -> None:
    if source.inputs.shape != source.targets.shape:
        raise DataError(
            f"{source.name}: each place of a sequence needs one target, got inputs of shape {source.inputs.shape} and "
            f"targets of shape {source.targets.shape}"
        )
    for what, ids in (("inputs", source.inputs), ("targets", source.targets)):
        if not np.issubdtype(ids.dtype, np.integer):
            raise DataError(f"{source.name}: symbols are whole numbers, got {what} of {ids.dtype}; number the symbols")
        numbers = ids.astype(np.int64)
        if numbers.min() < 0 or numbers.max() >= len(source.labels):
            raise DataError(
                f"{source.name}: {what} hold symbols from {numbers.min()} to {numbers.max()}, but there are "
                f"{len(source.labels)} of them; number the symbols from 0, and name each in labels"
            )


def _classes(source: Source) -> None:
    targets = source.targets
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        raise DataError(
            f"{source.name}: class ids are one whole number an example, got {targets.dtype} of shape {targets.shape}; "
            "turn one-hot rows into ids with argmax(axis=1), and floats into integers"
        )
    ids = targets.astype(np.int64)
    known = np.unique(ids)
    classes = len(source.labels) or int(known[-1]) + 1
    outside = (ids < 0) | (ids >= classes)
    if outside.any():
        strangers = ", ".join(map(str, np.unique(ids[outside])[:SHOWN]))
        raise DataError(
            f"{source.name}: class ids go from 0 to {max(classes - 1, 0)}, got {strangers} in {_rows(outside)}; "
            "number the classes from 0"
        )
    if len(known) == 1:
        only = repr(source.labels[int(known[0])]) if source.labels else known[0]
        raise DataError(
            f"{source.name}: all {len(targets)} examples are of class {only}; at least two classes are needed"
        )
    missing = np.setdiff1d(np.arange(classes), known)
    if len(missing):
        raise DataError(
            f"{source.name}: class ids go up to {classes - 1}, but no example is of class "
            f"{', '.join(map(str, missing[:SHOWN]))}; add examples of it, or number the classes without gaps"
        )


def _real(source: Source) -> None:
    targets = source.targets.astype(np.float64)
    _finite(source.name, "targets", targets)
    if len(targets) > 1 and (targets == targets[0]).all():
        raise DataError(
            f"{source.name}: all {len(targets)} targets are equal ({targets.flat[0]:g}); there is nothing to learn"
        )


def _rows(mask: NDArray[np.bool_]) -> str:
    """The rows of a mask in words: the first few, counted from 0."""
    rows = np.flatnonzero(mask)
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:SHOWN]))}{more}"

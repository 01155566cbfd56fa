"""Named columns, wherever they were read from: what is learned from, what is learned, what no column may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.data.files.place import Place
from unstuck.data.source import Source, Task
from unstuck.errors import ArgumentError, DataError
from unstuck.spelling import unknown

__all__ = ["chosen_columns", "from_columns", "target_of"]


def chosen_columns(place: Place, names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The columns to learn from and the one to learn, by name.

    Raises:
        ArgumentError: There is no column of that name, or no target was named.
    """
    if place.target is None:
        raise ArgumentError(f"target=None: the column to be learned must be named; {place.path} has {', '.join(names)}")
    for key, name in (("target", place.target), *(("columns", column) for column in place.columns or ())):
        if name not in names:
            raise ArgumentError(unknown(key, name, names))
    inputs = tuple(name for name in place.columns or names if name != place.target)
    if not inputs:
        raise ArgumentError(
            f"columns: {place.path} has no column besides the target; at least one to learn from is needed"
        )
    return inputs, place.target


def from_columns(place: Place, inputs: Mapping[str, NDArray[Any]], target: NDArray[Any]) -> Source:
    """Put columns together.

    Args:
        place: Where they are from.
        inputs: Columns by name, each (N,): numbers, NaN where one is missing, or texts.
        target: The column to learn, (N,), of the same kind.

    Raises:
        DataError: A column to learn from holds text, or a value is missing.
        ArgumentError: Whole numbers could be classes or amounts, and the task is not given.
    """
    for name, values in inputs.items():
        if values.dtype.kind not in "biuf":
            raise DataError(
                f"{place.path}: column {name!r} holds {_sample(values)}; numbers are accepted: leave it out with "
                "data.columns, or turn it into numbers"
            )
        _complete(place.path, name, values)
    task, ids, labels = target_of(place, place.target or "", target)
    return Source(
        name=place.path.stem,
        task=task,
        inputs=np.stack([values.astype(np.float64) for values in inputs.values()], axis=1),
        targets=ids,
        labels=labels,
    )


def target_of(place: Place, name: str, values: NDArray[Any]) -> tuple[Task, NDArray[Any], tuple[str, ...]]:
    """What a column of targets means: texts and truth values are classes, fractions are amounts.

    Whole numbers may be either, so that the task must be given. Classes are numbered in the order of their names.

    Returns:
        The task, class ids or numbers, and the names of the classes.

    Raises:
        DataError: A value is missing, or amounts are asked for where there are texts.
        ArgumentError: The targets are whole numbers, and the task is not given.
    """
    text = values.dtype.kind not in "iuf"
    if text and place.task == "regression":
        raise DataError(f"{place.path}: column {name!r} holds {_sample(values)}; a regression needs numbers")
    if not text:
        _complete(place.path, name, values)
        whole = bool(np.array_equal(values, np.round(values)))
        if place.task == "regression" or (place.task is None and not whole):
            return "regression", values.astype(np.float64), ()
        if place.task is None:
            raise ArgumentError(
                f"task=None: column {name!r} of {place.path} holds whole numbers, which may be classes or amounts; "
                "'classification' or 'regression' is accepted"
            )
        if not whole:
            fraction = values[values != np.round(values)][0]
            raise DataError(
                f"{place.path}: column {name!r} holds {fraction:g} among classes; whole numbers are accepted"
            )
        values = values.astype(np.int64)
    elif values.dtype.kind == "O" and any(_missing(value) for value in values):
        raise DataError(f"{place.path}: column {name!r} lacks values; drop those rows, or fill them in")
    if text:
        # As an array of texts each would take the place of the longest.
        named = list(map(str, values))
        labels = tuple(sorted(set(named)))
        numbers = {label: number for number, label in enumerate(labels)}
        return "classification", np.array([numbers[name] for name in named], dtype=np.int64), labels
    classes, ids = np.unique(values, return_inverse=True)
    return "classification", ids.astype(np.int64), tuple(map(str, classes))


def _complete(path: Path, name: str, values: NDArray[Any]) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values))
        raise DataError(
            f"{path}: column {name!r} lacks {len(rows)} of {len(values)} values, or they are NaN or infinite, first in "
            f"row {rows[0]}; drop those rows, or fill them in"
        )


def _missing(value: object) -> bool:
    return value is None or value == "" or value != value


def _sample(values: NDArray[Any]) -> str:
    first = next((value for value in values if not _missing(value)), None)
    return f"{type(first).__name__.replace('str', 'text').removesuffix('_')} such as {str(first)[:40]!r}"

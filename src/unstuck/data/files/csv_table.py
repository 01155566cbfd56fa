"""CSV: a table as text, with or without a line of names."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.data.files.place import Place
from unstuck.data.files.table import chosen_columns, from_columns
from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["csv_table"]

DELIMITERS = ",;\t"

AS_LISTS = 20  #: bytes that a byte of text takes while it is being read, about

WHAT = "a table in UTF-8 with one row a line and as many fields in each, apart by comma, semicolon or tab"


def csv_table(place: Place) -> Source:
    """Numbers to learn from, and the column ``target`` to learn; without a line of names columns are 0, 1, 2.

    Raises:
        DataError: It is no such table, a value is missing, or a column to learn from holds text.
        ArgumentError: The target is not named or not there, or its task must be given.
    """
    file = place.file(WHAT)
    place.fits(file, file.stat().st_size * AS_LISTS)
    rows = _rows(file)
    # A line of names holds no number at all; a line of values has at least one.
    named = not any(_is_number(field) for field in rows[0])
    names = [name.strip() for name in rows[0]] if named else [str(number) for number in range(len(rows[0]))]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DataError(f"{file}: several columns are called {doubled[0]!r}; give each a name of its own")
    columns = dict(zip(names, zip(*rows[named:], strict=True), strict=False))
    if not columns:
        raise DataError(f"{file}: found names and no rows; {WHAT} is accepted")
    inputs, target = chosen_columns(place, names)
    return from_columns(place, {name: _parsed(columns[name]) for name in inputs}, _parsed(columns[target]))


def _rows(file: Path) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            lines.seek(0)
            reader = csv.reader(lines, delimiter=max(DELIMITERS, key=first.count), strict=True)
            for row in reader:
                if row and rows and len(row) != len(rows[0]):
                    raise DataError(
                        f"{file}: line {reader.line_num} has {len(row)} fields, those before it {len(rows[0])}; "
                        f"{WHAT} is accepted"
                    )
                if row:
                    rows.append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: cannot be read ({error}); {WHAT} is accepted") from error
    if not rows:
        raise DataError(f"{file}: found no row; {WHAT} is accepted")
    return rows


def _parsed(fields: Sequence[str]) -> NDArray[Any]:
    """Numbers where all fields are, an empty field being NaN; else texts."""
    try:
        return np.array([float(field) if field.strip() else np.nan for field in fields])
    except ValueError:
        return np.array([field.strip() for field in fields], dtype=object)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True

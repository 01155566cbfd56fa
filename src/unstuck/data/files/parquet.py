"""Parquet, read by pyarrow, which is optional: ``pip install 'unstuck[parquet]'``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.data.files.place import Place
from unstuck.data.files.table import chosen_columns, from_columns
from unstuck.data.source import Source
from unstuck.errors import DataError
from unstuck.optional import require

__all__ = ["parquet"]

WHAT = "a whole Parquet file"


def parquet(place: Place) -> Source:
    """Numbers to learn from, and the column ``target`` to learn.

    Raises:
        MissingPackageError: pyarrow is not installed.
        DataError: The file is none or too large, or a column cannot be learned from.
        ArgumentError: The target is not named or not there, or its task must be given.
    """
    file = place.file(WHAT)
    pyarrow = require("pyarrow", extra="parquet", purpose=f"the Parquet file {file}")
    reader = require("pyarrow.parquet", extra="parquet", purpose=f"the Parquet file {file}")
    try:
        with reader.ParquetFile(file) as opened:
            inputs, target = chosen_columns(place, opened.schema_arrow.names)
            # A run of equal values takes some bytes however long it is: the rows decide what memory it needs.
            place.fits(file, opened.metadata.num_rows * (len(inputs) + 1) * 8)
            _numbers(place, pyarrow, opened.schema_arrow, inputs)
        # Texts stay numbered, so that a long one takes its place once.
        with reader.ParquetFile(file, read_dictionary=[target]) as opened:
            whole = _read(place, pyarrow, opened, [*inputs, target])
        columns = {name: _column(whole[name]) for name in (*inputs, target)}
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file}: cannot be read ({str(error).splitlines()[0]}); {WHAT} is accepted") from error
    return from_columns(place, {name: columns[name] for name in inputs}, columns[target])


def _read(place: Place, pyarrow: Any, opened: Any, names: list[str]) -> Any:
    """The columns; refused by the size that the file says they unpack to, or that they turn out to have."""
    groups = [opened.metadata.row_group(number) for number in range(opened.metadata.num_row_groups)]
    chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
    # A column of structures has its parts as columns of their own, behind a point.
    wanted = [chunk for chunk in chunks if any(f"{chunk.path_in_schema}.".startswith(f"{name}.") for name in names)]
    place.fits(place.path, sum(chunk.total_uncompressed_size for chunk in wanted))
    batches: list[Any] = []
    taken = 0
    for batch in opened.iter_batches(columns=names):
        taken += batch.nbytes
        place.fits(place.path, taken)
        batches.append(batch)
    if not batches:
        raise DataError(f"{place.path}: found no row; {WHAT} is accepted")
    return pyarrow.Table.from_batches(batches)


def _numbers(place: Place, pyarrow: Any, schema: Any, names: tuple[str, ...]) -> None:
    for name in names:
        kind = schema.field(name).type
        types = pyarrow.types
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            raise DataError(
                f"{place.path}: column {name!r} holds {kind}; numbers are accepted: leave it out with data.columns, "
                "or turn it into numbers"
            )


def _column(values: Any) -> NDArray[Any]:
    """A column as NumPy: a gap makes whole numbers fractions with NaN, and texts None."""
    if hasattr(values.type, "value_type"):
        # NumPy would write a gap among numbered texts as the text "None".
        return np.array(values.to_pylist(), dtype=object)
    found: NDArray[Any] = np.asarray(values.to_numpy())
    return found.astype(np.float64) if found.dtype == np.float16 else found

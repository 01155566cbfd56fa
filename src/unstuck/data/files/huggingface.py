"""Hugging Face data sets that ``save_to_disk`` wrote: Arrow streams and two JSON files, read by pyarrow.

pyarrow is optional: ``pip install 'unstuck[parquet]'``; the package ``datasets`` is not needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unstuck.data.files.arrow import batches
from unstuck.data.files.images import pixels
from unstuck.data.files.parts import Role, part_names
from unstuck.data.files.place import Place
from unstuck.data.files.shapes import inputs_of
from unstuck.data.files.table import chosen_columns, from_columns, target_of
from unstuck.data.source import Source
from unstuck.errors import DataError
from unstuck.optional import require

__all__ = ["huggingface"]

WHAT = "a folder that save_to_disk of a Dataset, or of a DatasetDict with a part called train, wrote"

Json = dict[str, Any]


def huggingface(place: Place) -> Source:
    """One column of pictures or arrays, or several of numbers; parts called validation (val, valid) and test are those.

    The target is the column of class labels where there is one and no other is named.

    Raises:
        DataError: pyarrow is not installed, a file is missing, damaged, too large or outside the folder, or a column
            cannot be learned from.
        ArgumentError: The target is not named or not there, or its task must be given.
    """
    home = place.folder(WHAT)
    parts = _parts(place, home)
    features = _features(place, parts["train"])
    place = replace(place, target=place.target or _label(features))
    pyarrow = require("pyarrow", extra="parquet", purpose=f"the Hugging Face data set {home}")
    try:
        tables = {role: _table(place, pyarrow, part) for role, part in parts.items()}
        whole = pyarrow.concat_tables(list(tables.values()))
        source = _source(place, pyarrow, whole, features)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{home}: cannot be read ({str(error).splitlines()[0]}); {WHAT} is accepted") from error
    return replace(source, given_validation=len(tables.get("validation", ())), given_test=len(tables.get("test", ())))


def _parts(place: Place, home: Path) -> dict[Role, Path]:
    """The folder of each part; one that is not divided is for training."""
    if not (home / "dataset_dict.json").is_file():
        return {"train": home}
    listed = _json(place, home, "dataset_dict.json").get("splits")
    names = part_names(place, map(str, cast("list[object]", listed))) if isinstance(listed, list) else {}
    if not names:
        raise DataError(f"{home / 'dataset_dict.json'}: found parts {listed!r}; {WHAT} is accepted")
    return {role: place.inside(home, name) for role, name in names.items()}


def _table(place: Place, pyarrow: Any, part: Path) -> Any:
    """All rows of a part."""
    listed = _json(place, part, "state.json").get("_data_files")
    entries = cast("list[object]", listed) if isinstance(listed, list) else []
    names = [str(cast("Json", entry).get("filename")) for entry in entries if isinstance(entry, dict)]
    if not names:
        raise DataError(f"{part / 'state.json'}: found no list of data files; {WHAT} is accepted")
    every: list[Any] = []
    taken = 0
    for name in names:
        file = place.inside(part, name)
        place.fits(file, file.stat().st_size)
        found = list(batches(file, place, taken=taken))
        taken += sum(batch.nbytes for batch in found)
        every += found
    if not every:
        raise DataError(f"{part}: found no row; {WHAT} is accepted")
    whole = pyarrow.Table.from_batches(every)
    # Runs of equal values, and columns of nothing, take no bytes however many rows they have.
    place.fits(part, whole.num_rows * whole.num_columns * 8)
    return whole


def _source(place: Place, pyarrow: Any, table: Any, features: Json) -> Source:
    inputs, target = chosen_columns(place, list(table.column_names))
    labels = _names(features, target)
    if labels:
        place = replace(place, task=place.task or "classification")
    wanted = table[target].to_numpy()
    name = inputs[0]
    if len(inputs) > 1 or _is_number(pyarrow, table.schema.field(name).type):
        source = from_columns(place, {column: table[column].to_numpy() for column in inputs}, wanted)
        return replace(source, labels=_named(place, source, wanted, labels))
    where = f"{place.path}: column {name!r}"
    kind = features.get(name)
    if isinstance(kind, dict) and kind.get("_type") == "Image":
        values: NDArray[Any] = pixels(place, _pictures(place, name, table[name]))
    else:
        values = inputs_of(where, _arrays(where, pyarrow, table[name].combine_chunks()))
    task, ids, classes = target_of(place, target, wanted)
    source = Source(name=place.path.resolve().name, task=task, inputs=values, targets=ids, labels=classes)
    return replace(source, labels=_named(place, source, wanted, labels))


def _named(place: Place, source: Source, wanted: NDArray[Any], labels: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the classes that occur; their ids are in the same order."""
    if not labels or source.task == "regression":
        return source.labels
    present = np.unique(wanted)
    outside = present[(present < 0) | (present >= len(labels))]
    if len(outside):
        raise DataError(
            f"{place.path}: found label {outside[0]}; 0 to {len(labels) - 1} are accepted, as dataset_info.json says"
        )
    return tuple(labels[int(number)] for number in present)


def _pictures(place: Place, name: str, column: Any) -> Iterator[tuple[str, bytes]]:
    for row, picture in enumerate(column):
        content = picture.as_py()
        found = content.get("bytes") if isinstance(content, dict) else None
        if not isinstance(found, bytes):
            raise DataError(
                f"{place.path}: column {name!r} holds no picture in row {row}, but perhaps the path of one; pictures "
                "inside the data set are accepted"
            )
        yield f"{place.path}: row {row}", found


def _arrays(where: str, pyarrow: Any, column: Any) -> NDArray[Any]:
    """Nested lists of equal lengths as one array."""
    shape = [len(column)]
    if isinstance(column, pyarrow.ExtensionArray):
        column = column.storage
    while pyarrow.types.is_nested(column.type) and hasattr(column, "flatten"):
        if column.null_count or not hasattr(column.type, "value_type"):
            break
        inner = column.flatten()
        length, rest = divmod(len(inner), max(len(column), 1))
        lengths = column.value_lengths().unique() if hasattr(column, "value_lengths") else [length]
        if rest or len(lengths) > 1:
            raise DataError(f"{where} holds lists of different lengths; one length is accepted")
        shape.append(length)
        column = inner
    if column.null_count or not _is_number(pyarrow, column.type):
        raise DataError(
            f"{where} holds {column.type} or gaps; pictures, and numbers in lists of one length, are accepted"
        )
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values.reshape(shape)


def _is_number(pyarrow: Any, kind: Any) -> bool:
    types = pyarrow.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _features(place: Place, part: Path) -> Json:
    features = _json(place, part, "dataset_info.json").get("features")
    return cast("Json", features) if isinstance(features, dict) else {}


def _label(features: Json) -> str | None:
    labels = [name for name in features if _names(features, name)]
    return labels[0] if len(labels) == 1 else None


def _names(features: Json, column: str) -> tuple[str, ...]:
    kind = features.get(column)
    if not isinstance(kind, dict) or kind.get("_type") != "ClassLabel":
        return ()
    names = kind.get("names")
    return tuple(map(str, cast("list[Any]", names))) if isinstance(names, list) else ()


def _json(place: Place, folder: Path, name: str) -> Json:
    file = place.inside(folder, name)
    try:
        found: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file}: cannot be read ({error}); {WHAT} is accepted") from error
    if not isinstance(found, dict):
        raise DataError(f"{file}: found no table of keys; {WHAT} is accepted")
    return cast("Json", found)

"""NPZ: NumPy arrays in a zip file, read without ever unpickling."""

from __future__ import annotations

import math
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from unstuck.data.files.parts import Role, part_names
from unstuck.data.files.place import Place
from unstuck.data.files.shapes import classes_or_numbers, inputs_of
from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["npz"]

PAIRS = (
    *(("x", "y"), ("X", "Y"), ("X", "y"), ("inputs", "targets"), ("images", "labels"), ("data", "target")),
    *(("data", "labels"), ("features", "labels"), ("features", "targets")),
)

WHAT = (
    "an .npz file with arrays x and y (or inputs and targets, images and labels; each perhaps with _train, _val and "
    "_test after it, or train_, val_ and test_ before it)"
)


def npz(place: Place) -> Source:
    """Inputs and targets by their usual names, or any two arrays where ``target`` names the second.

    Whole numbers are classes, others are numbers to predict, unless ``task`` says otherwise.

    Raises:
        DataError: It is no zip file of arrays, an array is a pickle, does not fit its header or is too large, or the
            names are others.
    """
    file = place.file(WHAT)
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(place, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{file}: cannot be read ({error}); {WHAT} is accepted") from error


def _read(place: Place, archive: zipfile.ZipFile) -> Source:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    parts = _parts(place, list(members))
    wanted = [members[name] for pair in parts.values() for name in pair]
    place.fits(place.path, sum(info.file_size for info in wanted))
    arrays = [_array(place, archive, info) for info in wanted]
    inputs_by_part, targets_by_part = arrays[::2], arrays[1::2]
    for inputs, targets in zip(inputs_by_part, targets_by_part, strict=True):
        if not inputs.ndim or not targets.ndim or len(inputs) != len(targets):
            raise DataError(
                f"{place.path}: found arrays of shapes {inputs.shape} and {targets.shape}; as many targets as inputs "
                "are accepted"
            )
    if any(len({part.shape[1:] for part in same}) > 1 for same in (inputs_by_part, targets_by_part)):
        raise DataError(f"{place.path}: arrays of {', '.join(parts)} are of different shapes; one shape is accepted")
    task, targets = classes_or_numbers(str(place.path), np.concatenate(targets_by_part), place.task)
    counts = dict(zip(parts, map(len, inputs_by_part), strict=True))
    return Source(
        name=place.path.stem,
        task=task,
        inputs=inputs_of(str(place.path), np.concatenate(inputs_by_part)),
        targets=targets,
        given_validation=counts.get("validation", 0),
        given_test=counts.get("test", 0),
    )


def _parts(place: Place, found: list[str]) -> dict[Role, tuple[str, str]]:
    """The names of inputs and targets, for each part."""
    if place.target is not None:
        rest = [name for name in found if name != place.target]
        if place.target in found and len(rest) == 1:
            return {"train": (rest[0], place.target)}
    for x, y in PAIRS:
        if {x, y} <= set(found):
            return {"train": (x, y)}
        for spelt in ("{array}_{part}", "{part}_{array}"):
            whole = {part: tuple(spelt.format(part=part, array=array) for array in (x, y)) for part in _affixes(found)}
            parts = part_names(place, (part for part, names in whole.items() if set(names) <= set(found)))
            if parts:
                return {role: (whole[part][0], whole[part][1]) for role, part in parts.items()}
    asked = f" and data.target={place.target!r}" if place.target else ""
    raise DataError(f"{place.path}: found arrays {', '.join(found) or 'none'}{asked}; {WHAT} is accepted")


def _affixes(found: list[str]) -> set[str]:
    """What stands before the first or after the last underscore of a name: the name of a part, perhaps."""
    return {piece for name in found for piece in (name.partition("_")[0], name.rpartition("_")[2])}


def _array(place: Place, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    where = f"{place.path}: {info.filename}"
    with archive.open(info) as stream:
        try:
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            header = read(stream)
        except ValueError as error:
            raise DataError(f"{where} is no NumPy array ({str(error).splitlines()[0]}); {WHAT} is accepted") from error
        shape, columns_first, kind = header
        if kind.hasobject:
            raise DataError(
                f"{where} holds Python objects, a pickle, which may run code; arrays of numbers are accepted"
            )
        if kind.kind not in "biuf" or min(shape, default=0) < 0:
            raise DataError(f"{where} holds {kind} of shape {shape}; an array of real numbers is accepted")
        expected = math.prod(shape) * kind.itemsize
        # The header may promise anything; what the zip file holds is bounded, and was found not to be too large.
        content = stream.read()
    if len(content) != expected:
        raise DataError(
            f"{where} is of shape {shape} and needs {expected:,} bytes, found {len(content):,}; a whole array is "
            "accepted"
        )
    return np.frombuffer(content, dtype=kind).reshape(shape, order="F" if columns_first else "C")

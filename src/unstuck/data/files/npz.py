"""NPZ: NumPy arrays in a zip file, read without ever unpickling."""

from __future__ import annotations

import math
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from unstuck.data.files.place import Place
from unstuck.data.files.shapes import classes_or_numbers, inputs_of
from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["npz"]

PAIRS = (("x", "y"), ("X", "Y"), ("X", "y"), ("inputs", "targets"), ("images", "labels"), ("data", "target"))

WHAT = "an .npz file with arrays x and y (or inputs and targets, images and labels; each perhaps with _train and _test)"


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
    names, tests = _names(place, list(members))
    wanted = [members[name] for name in (*names, *tests)]
    place.fits(place.path, sum(info.file_size for info in wanted))
    arrays = [_array(place, archive, info) for info in wanted]
    for inputs, targets in zip(arrays[::2], arrays[1::2], strict=True):
        if not inputs.ndim or not targets.ndim or len(inputs) != len(targets):
            raise DataError(
                f"{place.path}: found arrays of shapes {inputs.shape} and {targets.shape}; as many targets as inputs "
                "are accepted"
            )
    if tests and (arrays[0].shape[1:] != arrays[2].shape[1:] or arrays[1].shape[1:] != arrays[3].shape[1:]):
        raise DataError(f"{place.path}: arrays for training and testing are of different shapes; one shape is accepted")
    task, targets = classes_or_numbers(str(place.path), np.concatenate(arrays[1::2]), place.task)
    return Source(
        name=place.path.stem,
        task=task,
        inputs=inputs_of(str(place.path), np.concatenate(arrays[::2])),
        targets=targets,
        given_test=len(arrays[2]) if tests else 0,
    )


def _names(place: Place, found: list[str]) -> tuple[tuple[str, str], tuple[str, ...]]:
    if place.target is not None:
        rest = [name for name in found if name != place.target]
        if place.target in found and len(rest) == 1:
            return (rest[0], place.target), ()
    for x, y in PAIRS:
        if {x, y} <= set(found):
            return (x, y), ()
        if {f"{x}_train", f"{y}_train"} <= set(found):
            tests = (f"{x}_test", f"{y}_test")
            return (f"{x}_train", f"{y}_train"), tests if set(tests) <= set(found) else ()
    asked = f" and data.target={place.target!r}" if place.target else ""
    raise DataError(f"{place.path}: found arrays {', '.join(found) or 'none'}{asked}; {WHAT} is accepted")


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

"""IDX, the format of MNIST and Fashion-MNIST: a magic number, the sizes, the values."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unstuck.data.files.place import Place
from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["idx", "read_idx"]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

WHAT = "a folder that holds train-images-idx3-ubyte and train-labels-idx1-ubyte, with or without .gz"


def idx(place: Place) -> Source:
    """Images and labels; those of t10k are the test part where they are there.

    The path is a folder with the files' usual names, or the file of the inputs with ``target`` the name of the file of
    labels beside it.

    Source: Y. LeCun, "The MNIST database of handwritten digits", its file format.

    Raises:
        DataError: A file is missing, or is no sound IDX file.
    """
    if place.path.is_file():
        if place.target is None:
            raise DataError(
                f"{place.path}: found one file; {WHAT}, or the file with data.target the name of the labels"
            )
        return _source(place, (place.path, place.inside(place.path.parent, place.target)), None)
    folder = place.folder(WHAT)
    train = _find(place, folder, "train-images", 3), _find(place, folder, "train-labels", 1)
    test = _find(place, folder, "t10k-images", 3), _find(place, folder, "t10k-labels", 1)
    if train[0] is None or train[1] is None:
        raise DataError(f"{folder}: found no train-images or no train-labels; {WHAT} is accepted")
    whole = (test[0], test[1]) if test[0] and test[1] else None
    return _source(place, (train[0], train[1]), whole)


def read_idx(file: Path, place: Place) -> NDArray[Any]:
    """The array of an IDX file, unpacked if its name ends with .gz.

    Raises:
        DataError: The magic number is another, the sizes do not fit the file, or it is too large.
    """
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            return _read(stream, file, place)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{file}: cannot be read ({error}); a whole IDX file is accepted, as .gz or unpacked"
        ) from error


def _read(stream: IO[bytes] | gzip.GzipFile, file: Path, place: Place) -> NDArray[Any]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= 4:
        raise DataError(
            f"{file}: begins with {magic.hex(' ') or 'nothing'}; an IDX file begins with 00 00, a type "
            f"({', '.join(f'{code:02x}' for code in TYPES)}) and 1 to 4 dimensions"
        )
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{file}: ends inside its sizes; a whole IDX file is accepted")
    shape = tuple(int.from_bytes(sizes[start : start + 4], "big") for start in range(0, len(sizes), 4))
    kind = np.dtype(TYPES[magic[2]])
    expected = math.prod(shape) * kind.itemsize
    place.fits(file, expected)
    # A byte more than there should be tells a file that goes on, without unpacking the rest of it.
    content = stream.read(expected + 1)
    if len(content) != expected:
        found = f"only {len(content):,}" if len(content) < expected else "more"
        raise DataError(
            f"{file}: its sizes {' x '.join(map(str, shape))} need {expected:,} bytes, found {found}; "
            "a whole IDX file is accepted, fetch it again"
        )
    return np.frombuffer(content, dtype=kind).reshape(shape)


def _find(place: Place, folder: Path, stem: str, dimensions: int) -> Path | None:
    for name in (f"{stem}-idx{dimensions}-ubyte", f"{stem}.idx{dimensions}-ubyte"):
        for ending in ("", ".gz"):
            if (folder / (name + ending)).exists():
                return place.inside(folder, name + ending)
    return None


def _source(place: Place, train: tuple[Path, Path], test: tuple[Path, Path] | None) -> Source:
    pairs = [_pair(place, *files) for files in (train, test) if files]
    images, labels = zip(*pairs, strict=True)
    if len({part.shape[1:] for part in images}) > 1:
        shapes = " and ".join(str(part.shape[1:]) for part in images)
        raise DataError(f"{place.path}: images for training and testing are of different sizes, {shapes}")
    inputs = np.concatenate(images)
    return Source(
        name="idx",
        task=place.task or "classification",
        inputs=inputs[:, np.newaxis] if inputs.ndim == 3 else inputs.reshape(len(inputs), -1),
        targets=np.concatenate(labels),
        given_test=len(images[1]) if test else 0,
    )


def _pair(place: Place, inputs: Path, targets: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    first, second = read_idx(inputs, place), read_idx(targets, place)
    if second.ndim != 1 or len(first) != len(second):
        raise DataError(
            f"{targets}: found labels of shape {second.shape} for {len(first)} images of {inputs.name}; one label an "
            "image is accepted"
        )
    return first, second

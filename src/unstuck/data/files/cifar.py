"""CIFAR-10 and CIFAR-100 in their binary version: a record is its labels, then 3,072 bytes of a colour image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unstuck.data.files.place import Place
from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["cifar10", "cifar100"]

PIXELS = 3 * 32 * 32

Bytes = NDArray[np.uint8]


def cifar10(place: Place) -> Source:
    """Images of shape (3, 32, 32) from data_batch_1.bin to data_batch_5.bin; test_batch.bin is the test part.

    Source: A. Krizhevsky (2009), "Learning multiple layers of features from tiny images".

    Raises:
        DataError: The folder holds no such file, or one that is not whole.
    """
    return _cifar(place, "cifar10", "data_batch_*.bin", "test_batch.bin", names="batches.meta.txt", classes=10)


def cifar100(place: Place) -> Source:
    """Images of shape (3, 32, 32) from train.bin, with the hundred fine labels; test.bin is the test part.

    Source: A. Krizhevsky (2009), "Learning multiple layers of features from tiny images".

    Raises:
        DataError: The folder holds no such file, or one that is not whole.
    """
    return _cifar(place, "cifar100", "train.bin", "test.bin", names="fine_label_names.txt", classes=100)


def _cifar(place: Place, name: str, train: str, test: str, *, names: str, classes: int) -> Source:
    what = f"a folder that holds {train.replace('*', '1')} and {test}, the binary version of {name}"
    folder = place.folder(what)
    files = sorted(folder.glob(train))
    if not files:
        pickles = [file.name for file in folder.iterdir() if file.name in ("data_batch_1", "train", "test")]
        found = f"found {pickles[0]}, a pickle, which may run code when it is read" if pickles else f"found no {train}"
        raise DataError(f"{folder}: {found}; {what} is accepted")
    tests = [folder / test] if (folder / test).exists() else []
    parts = [_records(place, place.inside(folder, file.name), classes) for file in (*files, *tests)]
    labels = np.concatenate([part[0] for part in parts])
    return Source(
        name=name,
        task="classification",
        inputs=np.concatenate([part[1] for part in parts]),
        targets=labels.astype(np.int64),
        labels=_names(place, folder, names, classes),
        given_test=len(parts[-1][0]) if tests else 0,
    )


def _records(place: Place, file: Path, classes: int) -> tuple[Bytes, Bytes]:
    label_bytes = 1 if classes == 10 else 2
    record = label_bytes + PIXELS
    size = file.stat().st_size
    place.fits(file, size)
    if not size or size % record:
        raise DataError(
            f"{file}: found {size:,} bytes; a multiple of {record:,} is accepted, {label_bytes} of labels and "
            f"{PIXELS:,} of pixels an image; fetch it again"
        )
    rows = np.fromfile(file, dtype=np.uint8).reshape(-1, record)
    labels = rows[:, label_bytes - 1]  # of CIFAR-100's two labels the second is the fine one
    if labels.max() >= classes:
        row = int(labels.argmax())
        raise DataError(f"{file}: found label {labels[row]} in image {row}; 0 to {classes - 1} are accepted")
    return labels, rows[:, label_bytes:].reshape(-1, 3, 32, 32)


def _names(place: Place, folder: Path, file: str, classes: int) -> tuple[str, ...]:
    plain = tuple(map(str, range(classes)))
    if not (folder / file).is_file():
        return plain
    text = place.inside(folder, file).read_text(encoding="utf-8", errors="replace")
    names = tuple(filter(None, map(str.strip, text.splitlines())))
    return names if len(names) == classes else plain

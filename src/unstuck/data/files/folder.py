"""A folder of pictures: each folder inside it is a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unstuck.data.files.images import ENDINGS, pixels
from unstuck.data.files.place import Place
from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["folder"]

WHAT = "a folder that holds one folder of pictures for each class, or such folders in train and test"


def folder(place: Place) -> Source:
    """Pictures in one folder a class, the name of the folder being that of the class.

    Where there are folders train and test, those of test are the test part; a folder val is for training too, for the
    part that steers training is drawn anew.

    Raises:
        DataError: There are no two classes, a picture is damaged or of another size, or a link leads out of the folder.
    """
    home = place.folder(WHAT)
    parts = [home / name for name in ("train", "val") if (home / name).is_dir()]
    training = _pictures(place, parts if (home / "train").is_dir() else [home])
    testing = _pictures(place, [home / "test"]) if parts and (home / "test").is_dir() else []
    labels = tuple(sorted({label for label, _ in training}))
    if len(labels) < 2:
        found = f"pictures of one class, {labels[0]!r}" if labels else "no pictures in folders"
        raise DataError(f"{home}: found {found}; {WHAT} is accepted, of two classes at least")
    strangers = sorted({label for label, _ in testing} - set(labels))
    if strangers:
        raise DataError(
            f"{home / 'test' / strangers[0]}: there is no such class to train on; remove it, or add examples"
        )
    every = [*training, *testing]
    return Source(
        name=home.resolve().name,
        task="classification",
        inputs=pixels(place, ((str(file), file) for _, file in every)),
        targets=np.array([labels.index(label) for label, _ in every], dtype=np.int64),
        labels=labels,
        given_test=len(testing),
    )


def _pictures(place: Place, homes: list[Path]) -> list[tuple[str, Path]]:
    """The class and the file of every picture, in the order of names."""
    return [
        (kind.name, place.inside(place.path, file.relative_to(place.path)))
        for home in homes
        for kind in sorted(home.iterdir())
        if kind.is_dir() and not kind.name.startswith(".")
        for file in sorted(kind.iterdir())
        if file.suffix.lower() in ENDINGS and not file.name.startswith(".")
    ]

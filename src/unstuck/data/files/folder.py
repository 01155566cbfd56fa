"""A folder of pictures: each folder inside it is a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unstuck.data.files.images import ENDINGS, pixels
from unstuck.data.files.parts import Role, part_names
from unstuck.data.files.place import Place
from unstuck.data.source import Source
from unstuck.errors import DataError

__all__ = ["folder"]

WHAT = "a folder that holds one folder of pictures for each class, or such folders in train, val and test"


def folder(place: Place) -> Source:
    """Pictures in one folder a class, the name of the folder being that of the class.

    Where such folders lie in a folder train, its neighbours val (valid, validation) and test are those parts.

    Raises:
        DataError: There are no two classes, a part has no picture or a class of its own, a picture is damaged or of
            another size, or a link leads out of the folder.
    """
    home = place.folder(WHAT)
    parts = _parts(place, home)
    found = {role: _pictures(place, part) for role, part in parts.items()}
    labels = tuple(sorted({label for label, _ in found["train"]}))
    if len(labels) < 2:
        few = f"pictures of one class, {labels[0]!r}" if labels else "no pictures in folders"
        raise DataError(f"{parts['train']}: found {few}; {WHAT} is accepted, of two classes at least")
    for role, part in parts.items():
        _same_classes(part, {label for label, _ in found[role]}, labels)
    every = [picture for pictures in found.values() for picture in pictures]
    return Source(
        name=home.resolve().name,
        task="classification",
        inputs=pixels(place, ((str(file), file) for _, file in every)),
        targets=np.array([labels.index(label) for label, _ in every], dtype=np.int64),
        labels=labels,
        given_validation=len(found.get("validation", ())),
        given_test=len(found.get("test", ())),
    )


def _parts(place: Place, home: Path) -> dict[Role, Path]:
    """The folder of each part; all is for training where the folder train holds pictures, for then it is a class."""
    names = part_names(place, (kind.name for kind in _folders(home)))
    if not names or not _folders(home / names["train"]):
        return {"train": home}
    return {role: home / name for role, name in names.items()}


def _same_classes(part: Path, own: set[str], labels: tuple[str, ...]) -> None:
    if not own:
        raise DataError(
            f"{part}: found no pictures in folders; one folder of pictures for each class is accepted, or no folder "
            f"{part.name}: that part is then drawn from train"
        )
    strangers = sorted(own - set(labels))
    if strangers:
        raise DataError(f"{part / strangers[0]}: there is no such class to train on; remove it, or add examples")


def _folders(home: Path) -> list[Path]:
    return [kind for kind in sorted(home.iterdir()) if kind.is_dir() and not kind.name.startswith(".")]


def _pictures(place: Place, home: Path) -> list[tuple[str, Path]]:
    """The class and the file of every picture, in the order of names."""
    return [
        (kind.name, place.inside(place.path, file.relative_to(place.path)))
        for kind in _folders(home)
        for file in sorted(kind.iterdir())
        if file.suffix.lower() in ENDINGS and not file.name.startswith(".")
    ]

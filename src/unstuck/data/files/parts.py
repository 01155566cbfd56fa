"""How the parts are called that the makers of data set apart: train, val and test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from unstuck.data.files.place import Place
from unstuck.errors import DataError

__all__ = ["Role", "part_names"]

Role = Literal["train", "validation", "test"]

NAMES: dict[Role, tuple[str, ...]] = {
    "train": ("train",),
    "validation": ("val", "valid", "validation"),
    "test": ("test",),
}


def part_names(place: Place, found: Iterable[str]) -> dict[Role, str]:
    """The name of each part that is there, in the order train, validation, test; capitals do not matter.

    Args:
        place: Where they were found, for the message.
        found: The names of all folders, arrays or splits.

    Returns:
        None at all without a training part: those names then mean something else.

    Raises:
        DataError: A part is there under two names.

    Examples:
        >>> from pathlib import Path
        >>> part_names(Place(path=Path("flowers")), ["test", "train", "valid", "notes"])
        {'train': 'train', 'validation': 'valid', 'test': 'test'}
    """
    found = sorted(found)
    parts: dict[Role, str] = {}
    for role, accepted in NAMES.items():
        names = [name for name in found if name.lower() in accepted]
        if len(names) > 1:
            raise DataError(f"{place.path}: found {' and '.join(names)}; one {role} part is accepted, join them")
        if names:
            parts[role] = names[0]
    return parts if "train" in parts else {}

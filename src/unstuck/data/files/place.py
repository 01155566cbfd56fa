"""Where files of your own lie, how to read them, and what nobody may make us read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from unstuck.data.source import Task
from unstuck.errors import ArgumentError, DataError

__all__ = ["Place"]

GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file or a folder of data, and what its format does not say.

    Attributes:
        path: The file or folder.
        target: The column, array or file of what is to be learned, in formats that have several.
        columns: The columns to learn from; all but the target by default.
        task: classification or regression, where the targets do not say.
        size: Height and width that images are brought to; they must be of one size where it is not given.
        max_gib: Unpacked size from which files are refused, in GiB: a small file may unpack to more than
            there is memory.

    Raises:
        ArgumentError: ``max_gib`` or ``size`` is impossible.
    """

    path: Path
    target: str | None = None
    columns: tuple[str, ...] | None = None
    task: Task | None = None
    size: tuple[int, int] | None = None
    max_gib: float = 4.0

    def __post_init__(self) -> None:
        if not self.max_gib > 0:
            raise ArgumentError(f"max_gib={self.max_gib!r}: a size above 0 is accepted, in GiB")
        if self.size is not None and not all(1 <= side <= 4096 for side in self.size):
            raise ArgumentError(f"size={list(self.size)!r}: height and width are accepted, each from 1 to 4096")

    def folder(self, what: str) -> Path:
        """The path, which must be a folder.

        Raises:
            DataError: It is none.
        """
        if not self.path.is_dir():
            found = "a file" if self.path.exists() else "nothing"
            raise DataError(f"{self.path}: found {found}; {what} is accepted")
        return self.path

    def file(self, what: str) -> Path:
        """The path, which must be a file.

        Raises:
            DataError: It is none.
        """
        if not self.path.is_file():
            found = "a folder" if self.path.exists() else "nothing"
            raise DataError(f"{self.path}: found {found}; {what} is accepted")
        return self.path

    def inside(self, folder: Path, name: str | Path) -> Path:
        """A file of a folder, by a name that was read from somewhere.

        Raises:
            DataError: The name leads out of the folder, by ``..``, an absolute path or a link.
        """
        file = folder / name
        home = Path(os.path.realpath(folder))
        if not Path(os.path.realpath(file)).is_relative_to(home):
            raise DataError(f"{file}: leads out of {folder}; only files inside it are accepted, links among them")
        return file

    def fits(self, file: Path | str, size: int) -> None:
        """Refuse what is too large before memory is taken for it.

        Raises:
            DataError: It is.
        """
        if size > self.max_gib * GIB:
            raise DataError(
                f"{file}: unpacks to {size / GIB:,.3g} GiB; up to {self.max_gib:g} GiB is accepted "
                "(raise data.max_gib where there is the memory)"
            )

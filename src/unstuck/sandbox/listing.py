"""What a folder holds in an overlay, as ``os.scandir`` tells it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

from unstuck.sandbox.overlay import Overlay
from unstuck.sandbox.system import system

__all__ = ["Entry", "Listing"]


class Listing:
    """An iterator over the entries of a folder, and a context manager, as ``os.scandir`` returns one.

    Args:
        overlay: Where it is looked for.
        folder: Its path, as given; bytes give bytes.
    """

    def __init__(self, overlay: Overlay, folder: str | bytes) -> None:
        name = overlay.name(folder)
        self._entries = iter([Entry(overlay, folder, name, entry) for entry in overlay.entries(name)])

    def __iter__(self) -> Iterator[Entry]:
        return self

    def __next__(self) -> Entry:
        return next(self._entries)

    def __enter__(self) -> Listing:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._entries = iter(())


class Entry:
    """One entry, with the attributes of ``os.DirEntry``."""

    def __init__(self, overlay: Overlay, folder: str | bytes, name: str, entry: str) -> None:
        self._overlay = overlay
        self._full = f"{name.rstrip('/')}/{entry}"
        self.name: Any = os.fsencode(entry) if isinstance(folder, bytes) else entry
        self.path: Any = os.path.join(folder, self.name)

    def __fspath__(self) -> Any:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """As ``os.stat`` of it."""
        return system.lstat(self._overlay.place(self._overlay.name(self._full, follow=follow_symlinks)))

    def inode(self) -> int:
        """Its number in its file system."""
        return self.stat(follow_symlinks=False).st_ino

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self._mode(follow_symlinks))

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self._mode(follow_symlinks))

    def is_symlink(self) -> bool:
        """Whether it is a link."""
        return stat.S_ISLNK(self._mode(follow_symlinks=False))

    def is_junction(self) -> bool:
        """False: that is a thing of Windows."""
        return False

    def _mode(self, follow_symlinks: bool) -> int:
        try:
            return self.stat(follow_symlinks=follow_symlinks).st_mode
        except FileNotFoundError:
            return 0

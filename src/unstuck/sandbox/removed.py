"""Names of files that are seen no more, shared by processes that were forked from each other."""

from __future__ import annotations

import os

from unstuck.sandbox.system import system

__all__ = ["Removed"]


class Removed:
    """Names of what is seen no more, with all that lies below; each process reads what the others add.

    Args:
        path: The file that keeps them, with a zero byte after each.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._names: set[str] = set()
        self._size = 0
        system.close(system.open(path, system.O_WRONLY | system.O_CREAT, 0o600))

    def add(self, name: str) -> None:
        """Let it and what lies below be seen no more."""
        written = system.open(self._path, system.O_WRONLY | system.O_APPEND)
        system.write(written, os.fsencode(name) + b"\0")
        system.close(written)

    def __contains__(self, name: str) -> bool:
        self._read()
        while self._names and name:
            if name in self._names:
                return True
            name = name.rpartition("/")[0]
        return False

    def _read(self) -> None:
        size = system.stat(self._path).st_size
        if size > self._size:
            opened = system.open(self._path, system.O_RDONLY)
            self._names.update(os.fsdecode(system.pread(opened, size, 0)).split("\0")[:-1])
            system.close(opened)
            self._size = size

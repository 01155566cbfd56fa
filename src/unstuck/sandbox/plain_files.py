"""What the overlay asks of the system itself, which answers as if there were no overlay."""

from __future__ import annotations

import stat
from collections.abc import Sequence

from unstuck.sandbox.system import system

__all__ = ["copy_file", "is_folder", "is_there", "lies_below", "parent", "parts"]


def parts(path: str) -> list[str]:
    """The steps of a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def parent(name: str) -> str:
    """The folder that a path from the root lies in."""
    return name.rpartition("/")[0] or "/"


def lies_below(name: str, folders: Sequence[str]) -> bool:
    """Whether a path is that of a folder, or of something in it."""
    return any(name == folder or name.startswith(folder + "/") for folder in folders)


def is_there(path: str) -> bool:
    """Whether there is something, be it a link that leads nowhere."""
    try:
        system.lstat(path)
    except OSError:
        return False
    return True


def is_folder(path: str) -> bool:
    """Whether it is a folder, not a link to one."""
    return stat.S_ISDIR(system.lstat(path).st_mode)


def copy_file(source: str, target: str) -> None:
    """Copy what a file holds to a new one."""
    read = system.open(source, system.O_RDONLY)
    written = system.open(target, system.O_WRONLY | system.O_CREAT | system.O_EXCL, 0o600)
    try:
        while block := system.read(read, 1 << 20):
            while block:
                block = block[system.write(written, block) :]
    finally:
        system.close(read)
        system.close(written)

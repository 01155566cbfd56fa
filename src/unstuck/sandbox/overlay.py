"""Files as a process sees them that may not touch them: what it wrote lies above what was there.

The overlay is kept in a folder of its own. ``written/`` repeats the tree of those folders in which something was
written, with the whole of each file that was changed; ``removed`` names what is there, and is seen no more. Both are
files, so that processes that are forked see the same.

It calls the system itself and nothing above it, because :mod:`os` is what it stands behind.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from unstuck.sandbox.plain_files import copy_file, is_folder, is_there, lies_below, parent, parts
from unstuck.sandbox.removed import Removed
from unstuck.sandbox.system import system

__all__ = ["DEVICES", "OUTSIDE", "SHARED_MEMORY", "Overlay"]

OUTSIDE = "a trial may write only below its working directory, its script, the home and temporary folders"

DEVICES = ("/dev", "/proc")
"""Where nothing of a user's lies; what is written there is real."""

SHARED_MEMORY = "/dev/shm"
"""The folder among the devices in which users keep files. What PyTorch and multiprocessing share there they do not open
as files."""

LINKS = 40
"""Links in one path, after which they are taken to lead in a circle."""


class Overlay:
    """Where a path is to be read, and where it is to be written.

    Args:
        kept: An empty folder for what is written.
        folders: Where may be written, at any depth.
        real: Folders in which writes stay real.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()).resolve()
        >>> (place / "work").mkdir(), (place / "kept").mkdir()
        (None, None)
        >>> overlay = Overlay(place / "kept", [place / "work"], real=[])
        >>> _ = Path(overlay.to_write(f"{place}/work/model.pt")).write_text("weights")
        >>> Path(overlay.place(f"{place}/work/model.pt")).read_text()
        'weights'
        >>> (place / "work" / "model.pt").exists()
        False
    """

    def __init__(self, kept: Path, folders: Sequence[Path], *, real: Sequence[Path]) -> None:
        self.kept = str(kept.resolve())
        self.above = f"{self.kept}/written"
        self._removed = Removed(f"{self.kept}/removed")
        self._folders = [str(folder.resolve()) for folder in folders]
        self._real = [*(str(folder.resolve()) for folder in real), *DEVICES]
        self.here = system.getcwd()
        """The working directory, as the program knows it."""
        system.mkdir(self.above)

    def name(self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes], *, follow: bool = True) -> str:
        """A path from the root and without links, as the program knows it.

        Args:
            path: It, from the working directory.
            follow: Whether a link at its end is one to follow.
        """
        text = os.fsdecode(path)
        if not text:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), text)
        if text.startswith(self.above + "/"):
            text = text[len(self.above) :]
        at = "" if text.startswith("/") else self.here.rstrip("/")
        left = parts(text)
        for _ in range(LINKS):
            at, target = self._to_a_link(at, left, follow=follow)
            if target is None:
                return at or "/"
            at = "" if target.startswith("/") else at.rpartition("/")[0]
            left.extend(parts(target))
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), text)

    def _to_a_link(self, at: str, left: list[str], *, follow: bool) -> tuple[str, str | None]:
        """Walk on to the first link, and to where it leads; with None, to the end."""
        while left:
            part = left.pop()
            if part == "..":
                at = at.rpartition("/")[0]
                continue
            at = f"{at}/{part}"
            if (left or follow) and not lies_below(at, DEVICES):
                try:
                    return at, system.readlink(self.place(at))
                except OSError:
                    continue
        return at, None

    def covers(self, name: str) -> bool:
        """Whether what is written there lies in the overlay."""
        return lies_below(name, self._folders) and not self.is_real(name)

    def allows(self, name: str) -> bool:
        """Whether may be written there, in the overlay or for real."""
        return lies_below(name, self._folders) or self.is_real(name)

    def is_real(self, name: str) -> bool:
        """Whether what is written there stays."""
        return lies_below(name, self._real) and not lies_below(name, (SHARED_MEMORY,))

    def place(self, name: str) -> str:
        """Where what is seen under a name lies; where there is nothing, a path at which there is nothing."""
        if not self.covers(name):
            return name
        above = self.above + name
        return above if is_there(above) or name in self._removed else name

    def sees(self, name: str) -> bool:
        """Whether there is something under a name, be it a link that leads nowhere."""
        return is_there(self.place(name))

    def entries(self, name: str) -> list[str]:
        """What a folder holds."""
        place = self.place(name)
        if place == name or name in self._removed or not is_there(name):
            listed = system.listdir(place)
        else:
            listed = [*dict.fromkeys((*system.listdir(place), *system.listdir(name)))]
        if not self.covers(name):
            return listed
        return [entry for entry in listed if self.sees(f"{name.rstrip('/')}/{entry}")]

    def to_write(self, name: str, *, keep: bool = True) -> str:
        """Where to write what is written under a name.

        Args:
            name: It.
            keep: Whether what is there is to be changed, not replaced.

        Raises:
            PermissionError: It lies elsewhere.
        """
        if self.is_real(name):
            return name
        if not self.covers(name):
            raise PermissionError(errno.EACCES, OUTSIDE, name)
        if not is_there(self.above + name):
            if self._lower(name):
                self._copy(name, keep=keep)
            else:
                self._repeat_folder(parent(name))
        return self.above + name

    def to_make(self, name: str) -> str:
        """Where to make what is not there yet.

        Raises:
            FileExistsError: It is.
            PermissionError: It would lie elsewhere.
        """
        if self.sees(name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        return self.to_write(name)

    def remove(self, name: str) -> None:
        """Remove a file, as ``os.unlink`` does."""
        place = self._to_change(name)
        if place == name:
            if self.is_real(name):
                system.unlink(place)
            elif is_folder(place):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        else:
            system.unlink(place)
        self._hide(name)

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder, as ``os.rmdir`` does."""
        place = self._to_change(name)
        if self.is_real(name):
            system.rmdir(place)
        elif self.entries(name):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), name)
        elif place != name:
            system.rmdir(place)
        self._hide(name)

    def rename(self, name: str, new: str) -> None:
        """Give another name, in place of what is there, as ``os.replace`` does."""
        place = self._to_change(name)
        if self.is_real(name) or self.is_real(new):
            if not (self.is_real(name) and self.is_real(new)):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), name)
            system.rename(name, new)
            return
        if name == new:
            return
        if self.sees(new):
            self._make_way(new, for_a_folder=is_folder(place))
        target = self.to_write(new, keep=False)
        self._copy_all(name)
        system.rename(self.above + name, target)
        self._hide(new)
        self._hide(name)

    def link(self, name: str, new: str) -> None:
        """Give a second name to a file, as ``os.link`` does."""
        self._to_change(name)
        system.link(self.to_write(name), self.to_make(new), follow_symlinks=False)

    def _to_change(self, name: str) -> str:
        """Where something lies that is about to be removed or renamed."""
        place = self.place(name)
        system.lstat(place)
        if not self.allows(name):
            raise PermissionError(errno.EACCES, OUTSIDE, name)
        return place

    def _make_way(self, name: str, *, for_a_folder: bool) -> None:
        folder = is_folder(self.place(name))
        if folder != for_a_folder:
            number = errno.EISDIR if folder else errno.ENOTDIR
            raise OSError(number, os.strerror(number), name)
        (self.remove_folder if folder else self.remove)(name)

    def _lower(self, name: str) -> bool:
        return name not in self._removed and is_there(name)

    def _hide(self, name: str) -> None:
        if self.covers(name) and self._lower(name):
            self._removed.add(name)

    def _copy_all(self, name: str) -> None:
        self.to_write(name)
        if is_folder(self.above + name):
            for entry in self.entries(name):
                self._copy_all(f"{name}/{entry}")

    def _copy(self, name: str, *, keep: bool) -> None:
        """Lift something from what was there into the overlay."""
        found, target = system.lstat(name), self.above + name
        self._repeat_folder(parent(name))
        if stat.S_ISLNK(found.st_mode):
            with suppress(FileExistsError):
                system.symlink(system.readlink(name), target)
        elif stat.S_ISDIR(found.st_mode):
            self._repeat_folder(name)
        elif stat.S_ISREG(found.st_mode):
            part = f"{self.kept}/{system.getpid()}-{threading.get_ident()}"
            copy_file(name if keep else "/dev/null", part)
            system.chmod(part, stat.S_IMODE(found.st_mode))
            system.utime(part, ns=(found.st_atime_ns, found.st_mtime_ns))
            with suppress(FileExistsError):  # another process has just copied it
                system.link(part, target)
            system.unlink(part)
        else:
            raise PermissionError(errno.EACCES, "a trial may not write to a pipe or socket of another process", name)

    def _repeat_folder(self, name: str) -> None:
        """Make a folder in the overlay that is seen below it, with those that it lies in."""
        if name == "/" or is_there(self.above + name) or not self._lower(name) or not is_folder(name):
            return
        self._repeat_folder(parent(name))
        with suppress(FileExistsError):
            system.mkdir(self.above + name)
        system.chmod(self.above + name, 0o700 | stat.S_IMODE(system.lstat(name).st_mode))

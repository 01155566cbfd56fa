"""A private view of the file system for one process: it reads all that is there, and what it writes is gone with it.

On Linux a process may have mounts of its own (``mount_namespaces(7)``): as root, or within a user namespace of its own,
which most distributions allow to everybody. There every file system is turned read-only, and over the folders in which
a training writes lies an overlay (``overlayfs``), whose upper layer is in memory. The rest of the machine sees nothing
of it, and nothing has to be cleared away.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MountError", "hide_writes", "may_hide_writes"]

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18
_SET_ATTRIBUTES, _HERE, _READ_ONLY = 442, -100, 1

SHARED_MEMORY = Path("/dev/shm")

KERNEL = frozenset({"proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "mqueue", "securityfs", "debugfs"})
"""File systems in which nothing of a user's lies; they stay as they are."""


class MountError(OSError):
    """The system does not allow a private view."""


@dataclass(frozen=True)
class _Mount:
    path: str
    type: str
    writable: bool

    @classmethod
    def read(cls) -> list[_Mount]:
        """Those of this process, in the order in which they were made; of each path the one that is seen."""
        found: dict[str, _Mount] = {}
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            fields, _, rest = line.partition(" - ")
            words = fields.split()
            path = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), words[4])
            found.pop(path, None)
            found[path] = cls(path, rest.split()[0], "rw" in words[5].split(","))
        return list(found.values())


def may_hide_writes() -> str | None:
    """Why :func:`hide_writes` would fail here; None where it works. Tried in a process of its own."""
    if sys.platform != "linux":
        return "private mounts are a thing of Linux"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            hide_writes([Path(tempfile.gettempdir())], real=[])
            status = 0
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    return None if ended == 0 else "this system does not allow private mounts to its users"


def hide_writes(folders: Sequence[Path], *, real: Sequence[Path]) -> None:
    """Let this process, which must have one thread, write to a layer of its own from now on.

    Args:
        folders: Where it may write, at any depth; the rest of the file system becomes read-only.
        real: Folders in which writes stay real.

    Raises:
        MountError: The system does not allow it. Nothing has been hidden then.
    """
    here = Path.cwd()
    _leave()
    mounts = [mount for mount in _Mount.read() if mount.type not in KERNEL and mount.path != str(SHARED_MEMORY)]
    _mount("tmpfs", SHARED_MEMORY, "tmpfs", 0, "mode=700")
    areas = _areas([folder.resolve() for folder in folders], mounts)
    kept = [folder.resolve() for folder in real]
    layers = [_Layers.below(place, number) for number, place in enumerate((*areas, *kept))]
    for mount in mounts:
        _attributes(mount.path, read_only=True)
    for area, own in zip(areas, layers, strict=False):
        own.over(area)
    for folder, own in zip(kept, layers[len(areas) :], strict=True):
        _mount(own.lower, folder, None, _BIND | _RECURSIVE, None)
        _attributes(str(folder), read_only=False)
    _mount("tmpfs", SHARED_MEMORY, "tmpfs", 0, "mode=1777")
    os.chdir(here)


@dataclass(frozen=True)
class _Layers:
    """What lies below and above an area, held open, for the paths to it will be covered.

    Attributes:
        lower: What was there.
        upper: Where writes go.
    """

    lower: str
    upper: str

    @classmethod
    def below(cls, place: Path, number: int) -> _Layers:
        folder = SHARED_MEMORY / str(number)
        for name in ("lower", "upper", "work"):
            (folder / name).mkdir(parents=True)
        (folder / "upper").chmod(place.stat().st_mode & 0o7777)
        _mount(str(place), folder / "lower", None, _BIND | _RECURSIVE, None)
        return cls(_held(folder / "lower"), _held(folder))

    def over(self, area: Path) -> None:
        options = f"lowerdir={self.lower},upperdir={self.upper}/upper,workdir={self.upper}/work,userxattr"
        _mount("overlay", area, "overlay", 0, options)


def _held(folder: Path) -> str:
    """A path to a folder that stays one whatever is mounted above it."""
    return f"/proc/self/fd/{os.open(folder, os.O_PATH | os.O_DIRECTORY)}"


def _areas(folders: Sequence[Path], mounts: Sequence[_Mount]) -> list[Path]:
    """The folders that are to be overlaid, outer ones first, with the writable mounts that lie in them."""
    outer = [folder for folder in folders if not any(other in folder.parents for other in folders)]
    inner = [Path(mount.path) for mount in mounts if mount.writable]
    within = [path for path in inner if any(folder in path.parents for folder in outer)]
    return sorted({*outer, *within}, key=lambda path: len(path.parts))


def _leave() -> None:
    """Leave the mounts that are shared with the rest of the machine, and keep user and group."""
    user, group = os.getuid(), os.getgid()
    root = os.geteuid() == 0
    _call("unshare", _libc().unshare(_NEW_MOUNTS | (0 if root else _NEW_USER)))
    if not root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _mount(None, Path("/"), None, _RECURSIVE | _PRIVATE, None)


def _mount(source: str | None, target: Path, kind: str | None, flags: int, options: str | None) -> None:
    words = (None if word is None else os.fsencode(word) for word in (source, str(target), kind))
    data = None if options is None else os.fsencode(options)
    _call(f"mount {target}", _libc().mount(*words, ctypes.c_ulong(flags), data))


class _Attributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns"))


def _attributes(path: str, *, read_only: bool) -> None:
    """Turn a mount read-only, or writable again, by ``mount_setattr(2)``."""
    wanted = _Attributes(set=_READ_ONLY if read_only else 0, clear=0 if read_only else _READ_ONLY)
    size = ctypes.c_size_t(ctypes.sizeof(wanted))
    _call(
        f"mount_setattr {path}",
        _libc().syscall(_SET_ATTRIBUTES, _HERE, os.fsencode(path), 0, ctypes.byref(wanted), size),
    )


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(what: str, status: int) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise MountError(number, f"{what}: {os.strerror(number)}")

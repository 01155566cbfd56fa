"""What Python code writes goes to a scratch folder, where the system does not allow mounts of a process's own.

The functions by which Python and PyTorch open, list, change and remove files are replaced, in this process and in those
that it forks, by ones that look at an :class:`~unstuck.sandbox.overlay.Overlay`: what was written is seen, what was
removed is not, and the user's files stay. What cannot be led there is refused with a ``PermissionError`` that says why:
writes elsewhere, programs that are started (they would escape), and whatever comes past these functions to the system
(:mod:`~unstuck.sandbox.guard`). Some libraries open files in C code of their own, and are known by name
(:mod:`~unstuck.sandbox.native_files`); others are refused by the kernel where it has Landlock
(:mod:`~unstuck.sandbox.landlock`), and are neither seen nor kept from writing on macOS.
"""

from __future__ import annotations

import io
import multiprocessing.process
import multiprocessing.util
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import Any

from unstuck.sandbox.guard import BY_FOLDER, PROGRAMS, Guard, refusal
from unstuck.sandbox.landlock import forbid_writes
from unstuck.sandbox.listing import Listing
from unstuck.sandbox.native_files import redirect_libraries
from unstuck.sandbox.overlay import DEVICES, Overlay
from unstuck.sandbox.replaced import replace
from unstuck.sandbox.system import system

__all__ = ["redirect_writes"]

Function = Callable[..., Any]

_READS = ("stat", "lstat", "readlink", "statvfs", "getxattr", "listxattr", "pathconf")
_CHANGES = ("truncate", "chmod", "chown", "utime", "setxattr", "removexattr", "chflags", "lchown", "lchmod", "lchflags")
_MAKES = ("mkdir", "mkfifo", "mknod")
_OF_LINKS = ("lstat", "readlink", "lchown", "lchmod", "lchflags")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def redirect_writes(folders: Sequence[Path], *, real: Sequence[Path], scratch: Path) -> None:
    """Let this process write to a scratch folder from now on, and to its end.

    Args:
        folders: Where it may write, at any depth; elsewhere writing is refused.
        real: Folders in which writes stay real.
        scratch: An empty folder, whose removal is left to whoever started the process.
    """
    sockets = scratch / "s"
    sockets.mkdir()
    forbid_writes(but_below=[*map(str, (*real, scratch)), *DEVICES])
    overlay = Overlay(scratch, folders, real=[*real, sockets])
    guard = Guard(overlay)
    multiprocessing.process.current_process()._config["tempdir"] = str(sockets)  # pyright: ignore
    sys.dont_write_bytecode = True
    shutil._use_fd_functions = False  # pyright: ignore
    files = _Files(overlay, guard)
    replace(files.replacements())
    redirect_libraries(overlay, guard)
    guard.install()


class _Files:
    """Functions of :mod:`os` and ``open`` that look at an overlay."""

    def __init__(self, overlay: Overlay, guard: Guard) -> None:
        self._overlay = overlay
        self._guard = guard

    def replacements(self) -> list[tuple[Function, Function]]:
        """Each function that is replaced, with what takes its place."""
        made: list[tuple[Function, Function]] = [
            (io.open, self._python_open()),
            (multiprocessing.util.spawnv_passfds, _only_the_tracker(multiprocessing.util.spawnv_passfds)),
            (os._spawnvef, _refuse_programs),  # pyright: ignore
        ]
        for names, wrap in ((_READS, self._reading), (_CHANGES, self._changing), (_MAKES, self._making)):
            made += [(getattr(os, name), wrap(getattr(os, name))) for name in names if hasattr(os, name)]
        own = (self.open, self.access, self.listdir, self.scandir, self.chdir, self.fchdir, self.getcwd, self.getcwdb)
        own = (*own, self.remove, self.unlink, self.rmdir, self.rename, self.replace, self.link, self.symlink)
        return [*made, *((getattr(os, function.__name__), function) for function in own)]

    def _reading(self, original: Function) -> Function:
        def read(_: object, path: Any, *args: Any, **options: Any) -> Any:
            if isinstance(path, int) or options.get("dir_fd") is not None:
                return original(path, *args, **options)
            with _as_given(path):
                return original(self._overlay.place(self._name(original, path, options)), *args, **options)

        return self._instead(read, original)

    def _changing(self, original: Function) -> Function:
        def change(_: object, path: Any, *args: Any, **options: Any) -> Any:
            if isinstance(path, int):
                return original(path, *args, **options)
            _no_folder(options)
            with _as_given(path):
                name = self._name(original, path, options)
                os.stat(name, follow_symlinks=False)
                return original(self._overlay.to_write(name), *args, **options)

        return self._instead(change, original)

    def _making(self, original: Function) -> Function:
        def make(_: object, path: Any, *args: Any, **options: Any) -> Any:
            _no_folder(options)
            with _as_given(path):
                return original(self._overlay.to_make(self._last(path)), *args, **options)

        return self._instead(make, original)

    def _name(self, original: Function, path: Any, options: dict[str, Any]) -> str:
        follow = original.__name__ not in _OF_LINKS and bool(options.get("follow_symlinks", True))
        return self._overlay.name(path, follow=follow)

    def _last(self, path: Any) -> str:
        return self._overlay.name(path, follow=False)

    def _python_open(self) -> Function:
        original, guard, opener_here = io.open, self._guard, self._open_for_python

        def opened(  # the arguments of the function whose place it takes
            _: object,
            file: Any,
            mode: str = "r",
            buffering: int = -1,
            encoding: str | None = None,
            errors: str | None = None,
            newline: str | None = None,
            closefd: bool = True,
            opener: Any = None,
        ) -> Any:
            words = (mode, buffering, encoding, errors, newline, closefd)
            if isinstance(file, int):
                return original(file, *words, opener)
            with guard.redirected():
                return original(file, *words, opener or opener_here)

        return self._instead(opened, original)

    def _instead(self, function: Function, original: Function) -> Function:
        """A function of the same name which, like a built-in one, is no method of a class that has it as attribute."""
        function.__name__ = original.__name__
        return MethodType(function, self)

    def _open_for_python(self, path: Any, flags: int) -> int:
        return self.open(path, flags, 0o666)

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None:
            if flags & _WRITES:
                raise refusal(BY_FOLDER, path)
            return system.open(path, flags, mode, dir_fd=dir_fd)
        new = flags & os.O_CREAT and flags & os.O_EXCL
        with _as_given(path):
            name = self._overlay.name(path, follow=not (new or flags & os.O_NOFOLLOW))
            if not flags & _WRITES:
                return system.open(self._overlay.place(name), flags, mode)
            place = self._overlay.to_make(name) if new else self._overlay.to_write(name, keep=not flags & os.O_TRUNC)
            return system.open(place, flags, mode)

    def access(self, path: Any, mode: int, **options: Any) -> bool:
        if isinstance(path, int) or options.get("dir_fd") is not None:
            return system.access(path, mode, **options)
        try:
            name = self._overlay.name(path)
        except OSError:
            return False
        if mode & os.W_OK and not self._overlay.allows(name):
            return False
        return system.access(self._overlay.place(name), mode, **options)

    def listdir(self, path: Any = None) -> list[Any]:
        if isinstance(path, int):
            return system.listdir(path)
        path = "." if path is None else path
        with _as_given(path):
            entries = self._overlay.entries(self._overlay.name(path))
        return [os.fsencode(entry) for entry in entries] if isinstance(path, bytes) else entries

    def scandir(self, path: Any = None) -> Any:
        if isinstance(path, int):
            return system.scandir(path)
        path = "." if path is None else path
        with _as_given(path):
            return Listing(self._overlay, os.fspath(path))

    def chdir(self, path: Any) -> None:
        if isinstance(path, int):
            return self.fchdir(path)
        with _as_given(path):
            name = self._overlay.name(path)
            system.chdir(self._overlay.place(name))
        self._overlay.here = name
        return None

    def fchdir(self, fd: int) -> None:
        system.fchdir(fd)
        self._overlay.here = self._overlay.name(system.getcwd())

    def getcwd(self) -> str:
        return self._overlay.here

    def getcwdb(self) -> bytes:
        return os.fsencode(self._overlay.here)

    def remove(self, path: Any, *, dir_fd: int | None = None) -> None:
        _no_folder({"dir_fd": dir_fd})
        with _as_given(path):
            self._overlay.remove(self._last(path))

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self.remove(path, dir_fd=dir_fd)

    def rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        _no_folder({"dir_fd": dir_fd})
        with _as_given(path):
            self._overlay.remove_folder(self._last(path))

    def rename(self, src: Any, dst: Any, **folders: int | None) -> None:
        _no_folder(folders)
        with _as_given(src, dst):
            self._overlay.rename(self._last(src), self._last(dst))

    def replace(self, src: Any, dst: Any, **folders: int | None) -> None:
        self.rename(src, dst, **folders)

    def link(self, src: Any, dst: Any, *, follow_symlinks: bool = True, **folders: int | None) -> None:
        _no_folder(folders)
        with _as_given(src, dst):
            self._overlay.link(self._overlay.name(src, follow=follow_symlinks), self._last(dst))

    def symlink(self, src: Any, dst: Any, target_is_directory: bool = False, *, dir_fd: int | None = None) -> None:
        _no_folder({"dir_fd": dir_fd})
        with _as_given(src, dst):
            system.symlink(os.fsdecode(src), self._overlay.to_make(self._last(dst)), target_is_directory)


@contextmanager
def _as_given(path: Any, other: Any = None) -> Generator[None]:
    """Let an error name the path as the program gave it."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            error.filename = path
        if other is not None:
            error.filename2 = other
        raise


def _no_folder(options: dict[str, Any]) -> None:
    if any(options.get(name) is not None for name in ("dir_fd", "src_dir_fd", "dst_dir_fd")):
        raise refusal(BY_FOLDER)


def _refuse_programs(*args: Any, **options: Any) -> Any:
    raise refusal(PROGRAMS)


def _only_the_tracker(original: Function) -> Function:
    """Let multiprocessing start its tracker of shared memory, which writes no files, and no other program."""

    def start(path: Any, args: Iterable[Any], passfds: Any) -> Any:
        if not any("resource_tracker" in os.fsdecode(arg) for arg in args):
            raise refusal(PROGRAMS)
        return original(path, args, passfds)

    return start

"""What a trial may not do, because nobody could follow it there: start programs, and write past the overlay.

An audit hook (PEP 578) hears of each before it happens, whoever asks for it and by whatever name. It stays for the rest
of the process.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from unstuck.sandbox.overlay import OUTSIDE, Overlay

__all__ = ["BY_FOLDER", "PROGRAMS", "Guard", "refusal"]

PROGRAMS = (
    "a trial may not start another program here, which would write to the user's files: this system has no private "
    "mounts to keep it from that; only processes that are forked are allowed, as the workers of a DataLoader are on "
    "Linux; where they are spawned, num_workers=0 lets the data be loaded without"
)

BY_FOLDER = "a trial may not write by the number of an open file or folder, which cannot be redirected"

_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")

_PATHS = {
    **dict.fromkeys(("os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.chflags"), (0,)),
    **dict.fromkeys(("os.chown", "os.utime", "os.setxattr", "os.removexattr"), (0,)),
    **dict.fromkeys(("os.rename", "os.link"), (0, 1)),
    "os.symlink": (1,),
}
"""Which arguments of an event are paths that are written."""

_FOLDERS = {"os.remove": (1,), "os.rmdir": (1,), "os.mkdir": (2,), "os.chmod": (2,), "os.chown": (3,)} | {
    "os.utime": (3,),
    "os.rename": (2, 3),
    "os.link": (2, 3),
    "os.symlink": (2,),
}
"""Which arguments are numbers of open folders that the paths start from."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def refusal(reason: str, path: object = None) -> PermissionError:
    """The error that a program gets which may not do something, with the reason."""
    return PermissionError(errno.EACCES, reason) if path is None else PermissionError(errno.EACCES, reason, path)


class Guard:
    """The last to be asked before something is written.

    Args:
        overlay: Where may be written.
    """

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self._thread = threading.local()
        self._asked: dict[str, Callable[[tuple[Any, ...]], None]] = {
            **dict.fromkeys(_STARTS, self._refuse_program),
            **{event: self._of_paths(event) for event in _PATHS},
            "open": self._open,
            "sqlite3.connect": self._database,
        }

    def install(self) -> None:
        """Be asked from now on."""
        asked = self._asked

        def hook(event: str, args: tuple[Any, ...]) -> None:
            ask = asked.get(event)
            if ask is not None:
                ask(args)

        sys.addaudithook(hook)

    @contextmanager
    def redirected(self) -> Generator[None]:
        """Let this thread open something that is led into the overlay on its way."""
        before = getattr(self._thread, "redirected", False)
        self._thread.redirected = True
        try:
            yield
        finally:
            self._thread.redirected = before

    def _refuse_program(self, args: tuple[Any, ...]) -> None:
        raise refusal(PROGRAMS)

    def _of_paths(self, event: str) -> Callable[[tuple[Any, ...]], None]:
        paths, folders = _PATHS[event], _FOLDERS.get(event, ())

        def ask(args: tuple[Any, ...]) -> None:
            if any(index < len(args) and isinstance(args[index], int) and args[index] >= 0 for index in folders):
                raise refusal(BY_FOLDER)
            for index in paths:
                self._check(args[index])

        return ask

    def _open(self, args: tuple[Any, ...]) -> None:
        path, _, flags = args
        if not isinstance(path, int) and flags & _WRITES and not getattr(self._thread, "redirected", False):
            self._check(path)

    def _database(self, args: tuple[Any, ...]) -> None:
        if not getattr(self._thread, "redirected", False):
            self._check(args[0])

    def _check(self, path: Any) -> None:
        if isinstance(path, int):
            fcntl = importlib.import_module("fcntl")  # which Windows does not have
            if fcntl.fcntl(path, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                raise refusal(BY_FOLDER)
            return
        text = os.fsdecode(path)
        if not (text.startswith(self._overlay.kept + "/") or self._overlay.is_real(self._overlay.name(text))):
            raise refusal(f"{OUTSIDE}, and there only in ways that can be redirected", text)

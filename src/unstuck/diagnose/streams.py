"""The standard streams, which a script may close, replace, or lead to a reader who is gone."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from typing import TextIO

__all__ = ["StandardError", "flush"]

STDERR = 2


class StandardError:
    """The standard error that the process was started with, whatever the script puts in its place.

    Made before the script starts. It keeps nothing open: somebody may wait for its end.

    Examples:
        >>> from unstuck.diagnose.streams import StandardError
        >>> file = StandardError().open()
        >>> file.writable()
        True
    """

    def __init__(self) -> None:
        self._file = _identity()
        self._encoding = getattr(sys.stderr, "encoding", None) or "utf-8"

    def open(self) -> TextIO:
        """Open it for writing, without errors; where it is closed, or something else lies in its place, into nothing.

        A file that is opened after the descriptor was closed gets its number, and must not be written to. What was put
        there on purpose is most often a pipe, or a terminal.
        """
        file = _identity()
        if file is None or self._file is None:
            return io.StringIO()
        if file != self._file and not (stat.S_ISFIFO(file[0]) or stat.S_ISCHR(file[0])):
            return io.StringIO()
        return _Unfailing(open(STDERR, "wb", closefd=False), encoding=self._encoding, errors="backslashreplace")


class _Unfailing(io.TextIOWrapper):
    """Text that may find no reader, or no room."""

    def write(self, s: str, /) -> int:
        """Write, if it can be."""
        with contextlib.suppress(OSError):
            super().write(s)
        return len(s)

    def flush(self) -> None:
        """Flush, if it can be."""
        with contextlib.suppress(OSError):
            super().flush()

    def close(self) -> None:
        """Close; what could not be written is lost."""
        with contextlib.suppress(OSError):
            super().close()


def flush() -> None:
    """Let what a script has written come before what follows; where it cannot, Python says so at its end."""
    for name in ("stdout", "stderr"):
        with contextlib.suppress(Exception):  # whatever object the script has put there, or none
            getattr(sys, name).flush()


def _identity() -> tuple[int, int, int] | None:
    try:
        status = os.fstat(STDERR)
    except OSError:
        return None
    return status.st_mode, status.st_dev, status.st_ino

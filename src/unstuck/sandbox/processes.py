"""Processes in which a program runs again, as whoever asks for them sees them."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from unstuck.sandbox.private_files import may_hide_writes
from unstuck.sandbox.trackers import quiet

__all__ = ["GRACE", "IN_PLACE", "ONCE", "SPAWN", "Exited", "Processes", "Said", "may_fork"]

GRACE = 10.0
"""Seconds that a process has to end by itself, before it is killed."""

IN_PLACE = "--in-place"
"""The argument by which what trials write is left as it is."""

SPAWN, ONCE = "--spawn", "--once"
"""The arguments by which trials are started anew and not forked, and by which one of them is made."""


def may_fork() -> bool:
    """Whether a process that has imported torch can be forked, which macOS and Windows do not promise."""
    return hasattr(os, "fork") and sys.platform != "darwin"


@dataclass(frozen=True)
class Said:
    """A process said something.

    Attributes:
        folder: That of its trial.
        words: What it said.
    """

    folder: Path
    words: str


@dataclass(frozen=True)
class Exited:
    """A process ended.

    Attributes:
        folder: That of its trial.
        status: Its exit status, as that of :class:`subprocess.Popen`.
    """

    folder: Path
    status: int


class Processes:
    """Where trials run, each in a process and a folder of its own; a context manager, at whose end none runs any more.

    Args:
        module: What makes a trial, and is run as ``python -m``; it ends with ``serve(make)``.
        working: The working directory of all.
        environment: Their variables, beside those that keep services quiet that a script reports to.
        in_place: Whether what they write is left as it is.
    """

    def __init__(
        self, module: str, *, working: str | Path, environment: Mapping[str, str], in_place: bool = False
    ) -> None:
        self._module = module
        self._working = working
        self._environment = quiet(environment)
        self._in_place = in_place
        self._server: subprocess.Popen[str] | None = None
        self._scratch: str | None = None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._folders: list[Path] = []
        self._pids: dict[Path, int] = {}
        self.began = False
        """Whether a process has begun."""

    def __enter__(self) -> Processes:
        if not self._in_place and may_hide_writes():
            self._scratch = tempfile.mkdtemp(prefix="unstuck-")
        words = [IN_PLACE] if self._in_place else [self._scratch] if self._scratch else []
        words = words if may_fork() else [SPAWN, *words]
        self._server = subprocess.Popen(
            [sys.executable, "-m", self._module, *words],
            cwd=self._working,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for whoever planned the trials
        )
        self._reader = threading.Thread(target=_read, args=(_pipe(self._server.stdout), self._lines), daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in tuple(self._pids):
            self.end(folder, signal.SIGKILL)
        server = self._server
        if server is not None:
            with contextlib.suppress(BrokenPipeError):
                _pipe(server.stdin).close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(GRACE)
            server.kill()
            server.wait()
            self._reader.join(GRACE)
            if not self._reader.is_alive():
                _pipe(server.stdout).close()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def start(self, folder: Path) -> None:
        """Start a process.

        Args:
            folder: Where it finds what it is to do, and leaves what comes of it.
        """
        assert self._server is not None
        pipe = _pipe(self._server.stdin)
        with contextlib.suppress(BrokenPipeError):  # heard says so
            pipe.write(f"{len(self._folders)} {folder}\n")
            pipe.flush()
        self._folders.append(folder)

    def heard(self, seconds: float) -> Said | Exited | None:
        """The next that is heard of a process within some seconds.

        Raises:
            RuntimeError: The process that all are forked from ended.
        """
        with contextlib.suppress(queue.Empty):
            while line := self._lines.get(timeout=max(seconds, 0.0)):
                event, number, *rest = line.rstrip("\n").split(" ", 2)
                folder = self._folders[int(number)]
                if event == "began":
                    self._pids[folder] = int(*rest)
                    self.began = True
                elif event == "said":
                    return Said(folder, *rest)
                else:
                    self._pids.pop(folder, None)
                    return Exited(folder, int(*rest))
            self._lines.put("")
            assert self._server is not None
            raise RuntimeError(f"the process that runs trials ended with {self._server.wait()}")
        return None

    def end(self, folder: Path, number: int) -> None:
        """Send the process of a folder, and all that it has started, a signal."""
        if folder in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pids[folder], number)


def _read(pipe: IO[str], lines: queue.SimpleQueue[str]) -> None:
    for line in pipe:
        lines.put(line)
    lines.put("")


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream

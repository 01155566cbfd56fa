"""The process that starts all trials of a program, and what each of them has to itself.

A module that makes trials imports what each of them needs, and ends with ``raise serve(make)``. Numbers of trials with
their folders come on standard input, a line each; for each a process is forked that calls ``make``, or, where a process
that has imported so much cannot be forked, started anew with the same module. On standard output is said, with the
number of the trial, which processes began and ended, and what they say themselves.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from unstuck.sandbox.overlay import SHARED_MEMORY
from unstuck.sandbox.private_files import hide_writes
from unstuck.sandbox.processes import IN_PLACE, ONCE, SPAWN
from unstuck.sandbox.scratch_files import redirect_writes

__all__ = ["Make", "Sandbox", "serve"]


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """What keeps a trial from the user's files.

    Attributes:
        folder: The trial's own, in which writes stay.
        number: That of the trial.
        scratch: A folder for what it writes, where it cannot have mounts of its own.
        in_place: Whether its writes are left as they are.
        said: The descriptor through which whoever asked for it hears of it.
    """

    folder: Path
    number: str
    scratch: Path | None = None
    in_place: bool = False
    said: int = 1

    def enter(self, *, output: Path, working: str, script: str = "", stdin: str = os.devnull) -> None:
        """Let this process, which must have one thread, write where nobody else sees it from now on.

        Args:
            output: The file in the trial's folder that what it prints goes to.
            working: The program's working directory.
            script: Its script, beside which it may write too.
            stdin: The file that it reads as its standard input.
        """
        _stream(stdin, 0, os.O_RDONLY)
        _stream(str(output), 1, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(1, 2)
        if self.in_place:
            return
        written = _written(working, script)
        if self.scratch is None:
            hide_writes(written, real=[self.folder])
        else:
            self.scratch.mkdir()
            redirect_writes([*written, Path(SHARED_MEMORY)], real=[self.folder], scratch=self.scratch)

    def say(self, words: str) -> None:
        """Tell whoever asked for the trial something, in one line."""
        _tell(f"said {self.number} {words}", to=self.said)


Make = Callable[[Sandbox], BaseException]
"""Make a trial in this process, which was forked for it; give what it must raise to end."""


def serve(make: Make) -> BaseException:
    """Start a process for each folder that is named, until there are no more.

    The arguments of this program are ``--in-place``, or a scratch folder where trials cannot have mounts of their own;
    before them ``--spawn`` where they cannot be forked, and in what is started then ``--once``, a number and a folder.

    Returns:
        What this process, or one that was forked, must raise to end.
    """
    words = sys.argv[1:]
    if words[:1] == [ONCE]:
        return make(_sandbox(words[1], Path(words[2]), words[3:]))
    running: dict[int, str] = {}
    server = os.getpid()
    spawn = SPAWN in words
    words = [word for word in words if word != SPAWN]
    scratch = _scratch(words)
    asked = ""
    try:
        while True:
            if select.select([0], [], [], 0.05)[0]:
                text = os.read(0, 1 << 16).decode()
                if not text:
                    return SystemExit(0)
                *lines, asked = (asked + text).split("\n")
                for line in lines:
                    number, folder = line.split(" ", 1)
                    child = _spawned(number, folder, words) if spawn else os.fork()
                    if child == 0:
                        running.clear()
                        return make(_sandbox(number, Path(folder), words))
                    running[child] = number
                    _tell(f"began {number} {child}")
            _tell_of_ended(running, scratch)
    finally:
        for child in running:
            for end in (os.killpg, os.kill):  # it may not have a group yet
                with suppress(ProcessLookupError):
                    end(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if scratch and os.getpid() == server:
            shutil.rmtree(scratch, ignore_errors=True)


def _spawned(number: str, folder: str, words: Sequence[str]) -> int:
    """Start the module that this process runs once more, for one trial; the process."""
    module = sys.modules["__main__"].__spec__
    assert module is not None, "it is run as python -m"
    command = [sys.executable, "-m", module.name, ONCE, number, folder, *words]
    return os.posix_spawn(sys.executable, command, os.environ)


def _scratch(words: Sequence[str]) -> Path | None:
    return Path(words[0]) if words and words[0] != IN_PLACE else None


def _sandbox(number: str, folder: Path, words: Sequence[str]) -> Sandbox:
    os.setsid()
    scratch = _scratch(words)
    own = scratch / str(os.getpid()) if scratch else None
    return Sandbox(folder=folder, number=number, scratch=own, in_place=IN_PLACE in words, said=os.dup(1))


def _tell_of_ended(running: dict[int, str], scratch: Path | None) -> None:
    for child in tuple(running):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            number = running.pop(child)
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # workers that outlive it
            if scratch:
                shutil.rmtree(scratch / str(child), ignore_errors=True)
            _tell(f"ended {number} {os.waitstatus_to_exitcode(status)}")


def _tell(line: str, *, to: int = 1) -> None:
    """Write a line at once: several processes share the pipe, and ``print`` may write its end by itself."""
    os.write(to, f"{line}\n".encode())


def _stream(path: str, number: int, flags: int) -> None:
    opened = os.open(path, flags, 0o644)
    os.dup2(opened, number)
    os.close(opened)


def _written(working: str, script: str) -> Sequence[Path]:
    """Where a program may be expected to write."""
    beside = os.path.dirname(os.path.abspath(script))
    places = (working, beside, os.path.expanduser("~"), tempfile.gettempdir(), "/var/tmp")
    return [Path(place) for place in places if os.path.isdir(place) and os.path.realpath(place) != "/"]

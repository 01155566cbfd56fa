"""Start trials, wait for them, and end those that do not end by themselves."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from unstuck.confirm.private_files import may_hide_writes
from unstuck.confirm.trackers import QUIET
from unstuck.confirm.trial import BEGUN, ENDED, Ended, Plan, Trial
from unstuck.record.facts import Invocation

__all__ = ["Launcher", "threads_each"]

GRACE = 10.0
"""Seconds that a trial has to end after its bound, before it is killed."""


@dataclass
class _Running:
    folder: Path
    plan: Plan
    began: float
    process: int = 0
    told_to_end: float | None = None


class Launcher:
    """Where trials run, several at a time; a context manager, at whose end none runs any more.

    Args:
        invocation: How their program is started.
        seconds_to_start: Seconds that a program may take to its first update.
        jobs: How many run at a time.
    """

    def __init__(self, invocation: Invocation, *, seconds_to_start: float, jobs: int) -> None:
        self._invocation = invocation
        self._to_start = seconds_to_start
        self._jobs = jobs
        self._running: list[_Running] = []
        self._process: subprocess.Popen[str] | None = None
        self._said = ""
        self._scratch: str | None = None

    def __enter__(self) -> Launcher:
        self._scratch = tempfile.mkdtemp(prefix="unstuck-") if may_hide_writes() else None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "unstuck.confirm.process", *([self._scratch] if self._scratch else [])],
            cwd=self._invocation.folder,
            env=_environment(self._invocation.variables, self._jobs),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for whoever planned the trials
        )
        os.set_blocking(_pipe(self._process.stdout).fileno(), False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self._running:
            _end(running, signal.SIGKILL)
        process = self._process
        if process is not None:
            _pipe(process.stdin).close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
            process.kill()
            process.wait()
            _pipe(process.stdout).close()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def free(self) -> int:
        """How many more may be started now."""
        return self._jobs - len(self._running)

    @property
    def names(self) -> tuple[str, ...]:
        """The trials that run."""
        return tuple(running.plan.name for running in self._running)

    def start(self, plan: Plan, folder: Path) -> None:
        """Start a trial.

        Args:
            plan: What it is to be.
            folder: Where it is made; what a trial that was cut off has left there is removed.
        """
        assert self._process is not None
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            left.unlink()
        plan.write(folder)
        self._running.append(_Running(folder, plan, time.monotonic()))
        pipe = _pipe(self._process.stdin)
        pipe.write(f"{folder}\n")
        pipe.flush()

    def wait(self) -> tuple[Trial, ...]:
        """The trials that have ended within the last tenth of a second."""
        time.sleep(0.1)
        ended: list[Trial] = []
        for words in self._told():
            if words[0] == "started":
                next(one for one in self._running if str(one.folder) == words[2]).process = int(words[1])
                continue
            running = next(one for one in self._running if one.process == int(words[1]))
            self._running.remove(running)
            ended.append(_made(running, int(words[2])))
        for running in self._running:
            self._watch(running)
        return tuple(ended)

    def _told(self) -> list[Sequence[str]]:
        """What the process that runs trials has said since it was asked last."""
        assert self._process is not None
        with contextlib.suppress(BlockingIOError):
            while text := os.read(_pipe(self._process.stdout).fileno(), 1 << 16):
                self._said += text.decode()
        *lines, self._said = self._said.split("\n")
        if not lines and self._process.poll() is not None:
            raise RuntimeError(f"the process that runs trials ended with {self._process.returncode}")
        return [line.split(maxsplit=2) for line in lines]

    def _watch(self, running: _Running) -> None:
        """End a trial that is late: it may have no optimizer whose updates could be counted, or hang."""
        now = time.monotonic()
        late = now - running.began > self._to_start + running.plan.seconds
        if not (running.folder / BEGUN).exists():
            late = now - running.began > self._to_start
        if running.told_to_end is None and late:
            running.told_to_end = now
            _end(running, signal.SIGTERM)
        elif running.told_to_end is not None and now - running.told_to_end > GRACE:
            _end(running, signal.SIGKILL)


def _made(running: _Running, status: int) -> Trial:
    """The trial that a process was, which may have been killed before it could say how it ended."""
    trial = Trial.read(running.folder)
    if trial is None:
        how = "late" if running.told_to_end is not None else "killed"
        ended = Ended(how=how, status=status, seconds=time.monotonic() - running.began)
        ended.write(running.folder)
        trial = Trial(folder=running.folder, plan=running.plan, ended=ended)
    assert (running.folder / ENDED).exists()
    return trial


def _end(running: _Running, number: int) -> None:
    if running.process:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process, number)


def _environment(variables: Sequence[str], jobs: int) -> Mapping[str, str]:
    """The variables of the first run with the values that they have now, and services told to be quiet."""
    known = {name: value for name, value in os.environ.items() if name in variables}
    threads = {} if "OMP_NUM_THREADS" in known else {"OMP_NUM_THREADS": str(threads_each(jobs))}
    return {**known, **threads, **QUIET}


def threads_each(jobs: int) -> int:
    """Threads of each of several trials at a time, so that they share the cores."""
    return max(1, (os.cpu_count() or 1) // jobs)


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream

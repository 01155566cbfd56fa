"""Start trials, wait for them, and end those that do not end by themselves."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from unstuck.confirm.trial import BEGUN, ENDED, Ended, Plan, Trial
from unstuck.record.facts import Invocation
from unstuck.sandbox.processes import GRACE, Exited, Processes

__all__ = ["Launcher", "threads_each"]


@dataclass
class _Running:
    folder: Path
    plan: Plan
    began: float
    told_to_end: float | None = None


class Launcher:
    """Where trials run, several at a time; a context manager, at whose end none runs any more.

    Args:
        invocation: How their program is started.
        seconds_to_start: Seconds that a program may take to its first update.
        jobs: How many run at a time.
    """

    def __init__(self, invocation: Invocation, *, seconds_to_start: float, jobs: int) -> None:
        environment = _environment(invocation.variables, jobs)
        self._processes = Processes("unstuck.confirm.process", working=invocation.folder, environment=environment)
        self._to_start = seconds_to_start
        self._jobs = jobs
        self._running: dict[Path, _Running] = {}

    def __enter__(self) -> Launcher:
        self._processes.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.__exit__(kind, error, trace)

    @property
    def free(self) -> int:
        """How many more may be started now."""
        return self._jobs - len(self._running)

    @property
    def names(self) -> tuple[str, ...]:
        """The trials that run."""
        return tuple(running.plan.name for running in self._running.values())

    def start(self, plan: Plan, folder: Path) -> None:
        """Start a trial.

        Args:
            plan: What it is to be.
            folder: Where it is made; what a trial that was cut off has left there is removed.
        """
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        plan.write(folder)
        self._running[folder] = _Running(folder, plan, time.monotonic())
        self._processes.start(folder)

    def wait(self) -> tuple[Trial, ...]:
        """The trials that have ended within the next tenth of a second."""
        until = time.monotonic() + 0.1
        ended: list[Trial] = []
        while (left := until - time.monotonic()) > 0.0:
            heard = self._processes.heard(left)
            if isinstance(heard, Exited):
                ended.append(_made(self._running.pop(heard.folder), heard.status))
        for running in self._running.values():
            self._watch(running)
        return tuple(ended)

    def _watch(self, running: _Running) -> None:
        """End a trial that is late: it may have no optimizer whose updates could be counted, or hang."""
        now = time.monotonic()
        late = now - running.began > self._to_start + running.plan.seconds
        if not (running.folder / BEGUN).exists():
            late = now - running.began > self._to_start
        if running.told_to_end is None and late:
            running.told_to_end = now
            self._processes.end(running.folder, signal.SIGTERM)
        elif running.told_to_end is not None and now - running.told_to_end > GRACE:
            self._processes.end(running.folder, signal.SIGKILL)


def _made(running: _Running, status: int) -> Trial:
    """The trial that a process was; where that was killed before it could say how it ended, or was told to, it is said.

    A process that is ended before its training began reports a crash.
    """
    trial = Trial.read(running.folder)
    late = running.told_to_end is not None
    if trial is None or (late and not (running.folder / BEGUN).exists()):
        how = "late" if late else "killed"
        ended = Ended(how=how, status=status, seconds=time.monotonic() - running.began)
        ended.write(running.folder)
        trial = Trial(folder=running.folder, plan=running.plan, ended=ended)
    assert (running.folder / ENDED).exists()
    return trial


def _environment(variables: Sequence[str], jobs: int) -> Mapping[str, str]:
    """The variables of the first run with the values that they have now."""
    known = {name: value for name, value in os.environ.items() if name in variables}
    threads = {} if "OMP_NUM_THREADS" in known else {"OMP_NUM_THREADS": str(threads_each(jobs))}
    return {**known, **threads}


def threads_each(jobs: int) -> int:
    """Threads of each of several trials at a time, so that they share the cores."""
    return max(1, (os.cpu_count() or 1) // jobs)

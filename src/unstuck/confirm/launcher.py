"""Start trials, wait for them, and end those that do not end by themselves."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from unstuck.confirm.trial import BEGUN, ENDED, Ended, Plan, Trial
from unstuck.record.facts import Invocation
from unstuck.sandbox.processes import GRACE, Exited, Processes

__all__ = ["Launcher", "threads_each"]


TO_LEAVE = 5.0
"""Seconds in which trials that are cut write what they have recorded."""


@dataclass
class _Running:
    folder: Path
    plan: Plan
    since: float
    begun: float | None = None
    told_to_end: float | None = None


class Launcher:
    """Where trials run, several at a time; a context manager, at whose end none runs any more.

    Args:
        invocation: How their program is started.
        jobs: How many run at a time.
    """

    def __init__(self, invocation: Invocation, *, jobs: int) -> None:
        environment = _environment(invocation.variables, jobs)
        self._processes = Processes("unstuck.confirm.process", working=invocation.folder, environment=environment)
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

    @property
    def ready(self) -> bool:
        """Whether a trial's process has begun; before that PyTorch is imported once for all."""
        return self._processes.began

    def wait(self) -> tuple[Trial, ...]:
        """The trials that have ended within the next tenth of a second."""
        until = time.monotonic() + 0.1
        ended: list[Trial] = []
        while (left := until - time.monotonic()) > 0.0:
            heard = self._processes.heard(left)
            if isinstance(heard, Exited):
                ended.append(_made(self._running.pop(heard.folder), heard.status))
        for running in self._running.values():
            if not self.ready:
                running.since = time.monotonic()
            self._watch(running)
        return tuple(ended)

    def cut(self) -> tuple[Trial, ...]:
        """End all that run; those that train have got as far as they are, and of the others the control was late."""
        for running in self._running.values():
            running.told_to_end = running.told_to_end or time.monotonic()
            training = (running.folder / BEGUN).exists()
            self._processes.end(running.folder, signal.SIGTERM if training else signal.SIGKILL)
        ended, until = list[Trial](), time.monotonic() + TO_LEAVE
        while self._running and time.monotonic() < until:
            ended += self.wait()
        for folder in tuple(self._running):
            self._processes.end(folder, signal.SIGKILL)
            ended.append(_made(self._running.pop(folder), -signal.SIGKILL))
        return tuple(ended)

    def _watch(self, running: _Running) -> None:
        """End a trial that has had its seconds and goes on: it hangs."""
        now = time.monotonic()
        if running.begun is None and (running.folder / BEGUN).exists():
            running.begun = now
        late = running.begun is not None and now - running.begun > running.plan.seconds * running.plan.longer + GRACE
        if running.told_to_end is None and late:
            running.told_to_end = now
            self._processes.end(running.folder, signal.SIGTERM)
        elif running.told_to_end is not None and now - running.told_to_end > GRACE:
            self._processes.end(running.folder, signal.SIGKILL)


def _made(running: _Running, status: int) -> Trial:
    """The trial of a process that has ended; how it ended is written here where the process could not know it.

    One that was killed has written nothing, and one that was ended by SIGTERM has written that it crashed.
    """
    trial, told = Trial.read(running.folder), running.told_to_end is not None
    if trial is not None and not (told and trial.ended.how == "crashed"):
        return trial
    seconds = time.monotonic() - running.since
    if trial is not None and (running.folder / BEGUN).exists():
        ended = replace(trial.ended, how="cut", reason="")
    else:
        ended = Ended(how="late" if told else "killed", status=status, seconds=seconds)
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

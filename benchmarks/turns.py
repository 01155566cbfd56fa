"""Run a program in several ways side by side, each in a process of its own, which take turns at the machine.

A machine that others use runs several times faster at one moment than at the next, so the ways go forward together, a
fraction of a second each. While a way waits its clock stands still, for what observing may spend follows the time that
training took.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from unstuck.record import Run, facts

__all__ = ["Loop", "Measured", "Turns", "measure", "side_by_side"]

Measured = dict[str, float]
"""What a way measured, by name; see :class:`Loop` and :class:`Way`."""

VARIABLE = "WATCHING_TURNS"
"""Environment variable that says to a process where it reads that its turn has come, and where it says it is over."""


class Turns:
    """The turns of this process, which the orchestrating process gives: only one way runs at a time."""

    def __init__(self) -> None:
        self._given, self._done = (int(number) for number in os.environ[VARIABLE].split())
        self._clock, self._waited = time.perf_counter, 0.0
        time.perf_counter = self.now

    def now(self) -> float:
        """Seconds, without those in which others had their turns."""
        return self._clock() - self._waited

    def over(self) -> None:
        """Say that this turn is over, and wait for the next."""
        begin = self._clock()
        os.write(self._done, b".")
        os.read(self._given, 1)
        self._waited += self._clock() - begin

    def end(self) -> None:
        """Say that no more turns are wanted."""
        os.write(self._done, b"!")


class Loop:
    """A loop whose time is taken, in turns: from here to :meth:`end`."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._turns.over()
        self._begin, self._busy = time.perf_counter(), time.process_time()
        self._early: float | None = None

    def turn(self, *, begun: bool) -> None:
        """Let the others have their turns; ``begun`` once the memory that the loop needs is taken."""
        self._turns.over()
        if self._early is None and begun:
            self._early = _resident()

    def end(self) -> None:
        """Print the loop's time, by the clock and of the processor, and its memory in MB."""
        numbers = {
            "loop": time.perf_counter() - self._begin,
            "busy": time.process_time() - self._busy,
            "early": self._early or _resident(),
            "late": _resident(),
            "greatest": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps(numbers), flush=True)
        self._turns.end()


def measure(program: Iterator[float]) -> None:
    """Run a program, and print what it took; see :meth:`Loop.end`.

    Args:
        program: Yields how much of it is done, from 0.0, where the time begins, to 1.0, whenever its turn may end.
    """
    next(program)
    loop = Loop()
    for done in program:
        loop.turn(begun=done >= 0.1)
    loop.end()


def _resident() -> float:
    status = Path("/proc/self/statm")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Way:
    """One way's process, which runs when it is given a turn.

    Args:
        command: What Python is to run, which calls :func:`measure` or makes a :class:`Loop`.
        watched: Whether ``unstuck run`` runs it.
        folder: Where.
    """

    def __init__(self, command: Sequence[str], folder: Path, *, watched: bool) -> None:
        self._run = folder / "run" if watched else None
        unstuck = ["-m", "unstuck", "run", "--out", str(self._run)] if watched else []
        theirs, self._give = os.pipe()
        self._wait, mine = os.pipe()
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, *unstuck, *command],
            env={**os.environ, "OMP_NUM_THREADS": "1", VARIABLE: f"{theirs} {mine}"},
            cwd=folder,
            pass_fds=(theirs, mine),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        os.close(theirs)
        os.close(mine)
        self._over()
        self._starting = time.perf_counter() - begin

    def _over(self) -> bool:
        return os.read(self._wait, 1) == b"."

    def turn(self) -> bool:
        """Give it a turn, and wait until that is over; whether it will want another."""
        os.write(self._give, b".")
        return self._over()

    def finish(self) -> Measured:
        """Let it come to its end, after its last turn; what it measured, and the seconds before and after its loop.

        Of one that was watched also how many trainings were, how many were not, and the seconds that it counted itself.
        """
        begin = time.perf_counter()
        printed, _ = self._process.communicate()
        ending = time.perf_counter() - begin
        os.close(self._give)
        os.close(self._wait)
        numbers: Measured = json.loads(next(line for line in printed.splitlines() if line.startswith("{")))
        if self._run is not None:
            with Run.open(self._run) as run:
                left_out = run.fact(facts.Unwatched)
                numbers["trainings"] = len(run.streams())
                numbers["unwatched"] = 0 if left_out is None else left_out.trainings
                costs = [stream.fact(facts.Cost) for stream in run.streams()]
                numbers["counted"] = sum(cost.seconds for cost in costs if cost is not None)
        return {**numbers, "starting": self._starting, "ending": ending}


def side_by_side(commands: Mapping[str, Sequence[str]], *, watched: str) -> dict[str, Measured]:
    """Run all ways side by side, in turns of random order.

    Args:
        commands: What Python is to run, by way.
        watched: The way that runs under ``unstuck run``.

    Returns:
        What each measured.
    """
    with tempfile.TemporaryDirectory() as folder:
        going, measured = dict[str, Way](), dict[str, Measured]()
        for name, command in commands.items():
            (Path(folder) / name).mkdir()
            going[name] = Way(command, Path(folder) / name, watched=name == watched)
        while going:
            for name in random.sample(list(going), len(going)):
                if not going[name].turn():
                    measured[name] = going.pop(name).finish()
    return measured

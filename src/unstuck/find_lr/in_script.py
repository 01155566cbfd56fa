"""Train a script again and again, each time in a process of its own, with its rate set from outside."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from unstuck.errors import ArgumentError
from unstuck.find_lr.script_process import ScriptProcess
from unstuck.find_lr.trainer import Trial
from unstuck.sandbox.processes import Processes

__all__ = ["InScript"]

SECONDS = 120.0
"""After which a trial is over."""
PASSED_BY = 20
"""Updates by which each repeat begins later than the one before, on other batches."""


class InScript:
    """A trainer of a script that knows nothing of it.

    A process runs the script as Python would, up to the first update of the optimizer that steps first, and what it
    writes is seen by it alone. Each trial goes on from there, with its rate set at each update, and ends after the last
    one. Model, loss, batches, accumulation, mixed precision and clipping are the script's own; its schedule has no say.

    Args:
        target: Path of the script.
        args: Its arguments.
        in_place: Whether what it writes stays.
        seconds: After which a trial is over.

    Raises:
        ArgumentError: There is no such script, or it does not come to an update.
    """

    def __init__(
        self,
        target: str,
        args: Sequence[str] = (),
        *,
        in_place: bool = False,
        seconds: float = SECONDS,
    ) -> None:
        if not Path(target).exists():
            raise ArgumentError(f"--script {target}: there is no such file; give the path of a Python script")
        if not seconds > 0.0:
            raise ArgumentError(f"seconds={seconds!r}: a time above 0 is accepted")
        self._target, self._args, self._seconds = target, list(args), seconds
        self.others = 0
        self.rate, self.method, self.momentum, self.bound = math.nan, "", 0.0, math.inf
        # Threads of NumPy's, which begin with its import, would keep the process from being forked.
        environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
        self._process: ScriptProcess | None = None
        with ExitStack() as opened:
            self._processes = opened.enter_context(
                Processes("unstuck.find_lr.child", working=Path.cwd(), environment=environment, in_place=in_place)
            )
            opened.callback(self._close)
            self._begun()
            self._opened = opened.pop_all()

    def __enter__(self) -> InScript:
        return self

    def __exit__(self, *error: Any) -> None:
        self._opened.close()

    def _close(self) -> None:
        if self._process is not None:
            self._process.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of how the script was run."""
        notes = ["The script's own schedule had no say: the rate is the one that it should reach at its highest."]
        if self.others:
            notes.append(
                f"The script has {self.others + 1} optimizers; the rate sought is that of the {self.method} that steps "
                "first, while the others kept theirs."
            )
        return tuple(notes)

    def train(self, rates: Sequence[float], *, repeat: int = 0) -> Trial:
        """Train from the start; see :class:`~unstuck.find_lr.trainer.Trainer`."""
        process = self._begun()
        lines, late = process.ask(rates, passed_by=repeat * PASSED_BY, bound=self.bound)
        found = [float(line["loss"]) for line in lines if "loss" in line]
        ended = next((line["ended"] for line in lines if "ended" in line), "")
        if late:
            ended = f"{self._seconds:g} seconds were over"
        elif not ended and len(found) < len(rates) and all(map(math.isfinite, found)):
            ended = process.last_line() or "the script's process ended"
        return Trial(tuple(rates[: len(found)]), tuple(found), ended if len(found) < len(rates) else "")

    def _begun(self) -> ScriptProcess:
        """A process that waits at the script's first update."""
        if self._process is None or not self._process.waits:
            self._close()
            self._process = ScriptProcess(self._processes, self._target, self._args, seconds=self._seconds)
            known = self._process.known
            if "method" not in known:
                said = known.get("ended") or self._process.last_line() or "nothing was heard of it"
                raise ArgumentError(f"--script {self._target}: it came to no update of an optimizer ({said})")
            if known["rate"] is None:
                raise ArgumentError(f"--script {self._target}: {known['method']} has no lr in its groups to search for")
            self.rate, self.method = known["rate"], known["method"]
            self.momentum, self.others = known["momentum"], known["others"]
        return self._process

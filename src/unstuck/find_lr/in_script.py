"""Train a script again and again, each time in a process of its own, with its rate set from outside."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from unstuck.errors import ArgumentError
from unstuck.find_lr.scratch import large_files
from unstuck.find_lr.script_process import ScriptProcess
from unstuck.find_lr.trainer import Trial

__all__ = ["InScript"]

SECONDS = 120.0
"""After which a trial is over."""
PASSED_BY = 20
"""Updates by which each repeat begins later than the one before, on other batches."""


class InScript:
    """A trainer of a script that knows nothing of it.

    A process runs the script as Python would, in a copy of the working directory, up to the first update of the
    optimizer that steps first. Each trial goes on from there, with its rate set at each update, and ends after the last
    one. Model, loss, batches, accumulation, mixed precision and clipping are the script's own; its schedule has no say.

    Args:
        target: Path of the script.
        args: Its arguments.
        in_place: Whether it runs in the working directory itself.
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
        self._here = Path.cwd()
        self._target = _within(target, self._here)
        self._args, self._in_place, self._seconds = list(args), in_place, seconds
        self.others = 0
        self.rate, self.method, self.momentum = math.nan, "", 0.0
        self._process: ScriptProcess | None = None
        self._begun()

    def __enter__(self) -> InScript:
        return self

    def __exit__(self, *error: Any) -> None:
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
        linked = [] if self._in_place else large_files(self._here)
        if linked:
            named = ", ".join(str(path.relative_to(self._here)) for path in linked[:3])
            notes.append(f"Linked and not copied, so that a script that writes to them changes them: {named}.")
        return tuple(notes)

    def train(self, rates: Sequence[float], *, repeat: int = 0) -> Trial:
        """Train from the start; see :class:`~unstuck.find_lr.trainer.Trainer`."""
        process = self._begun()
        with tempfile.TemporaryDirectory(prefix="unstuck-find-lr-") as folder:
            losses = Path(folder) / "losses"
            losses.touch()
            late = not process.ask(rates, passed_by=repeat * PASSED_BY, losses=losses)
            lines = [cast("dict[str, Any]", json.loads(line)) for line in losses.read_text("utf-8").splitlines()]
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
            if self._process is not None:
                self._process.close()
            request = {"target": self._target, "args": self._args}
            self._process = ScriptProcess(request, None if self._in_place else self._here, seconds=self._seconds)
            known = self._process.known
            if "method" not in known:
                said = known.get("ended") or self._process.last_line() or "nothing was heard of it"
                self._process.close()
                raise ArgumentError(f"--script {self._target}: it came to no update of an optimizer ({said})")
            if known["rate"] is None:
                raise ArgumentError(f"--script {self._target}: {known['method']} has no lr in its groups to search for")
            self.rate, self.method = known["rate"], known["method"]
            self.momentum, self.others = known["momentum"], known["others"]
        return self._process


def _within(target: str, here: Path) -> str:
    """The script's path, relative to the working directory where it lies in that, so that its copy is run."""
    path = Path(os.path.abspath(target))
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

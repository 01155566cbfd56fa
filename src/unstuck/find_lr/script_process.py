"""A process that runs a script up to its first update, and then as many trials as it can."""

from __future__ import annotations

import json
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from unstuck.sandbox.processes import GRACE, Exited, Processes, Said

__all__ = ["OUTPUT", "QUESTIONS", "REQUEST", "ScriptProcess"]

REQUEST, QUESTIONS, OUTPUT = "request.json", "questions", "output.txt"
"""Files of its folder: the script with its arguments, a line for each trial that is asked for, what is printed."""

LOOK = 0.1
"""Seconds between two attempts to end a process."""


class ScriptProcess:
    """Begin the process, and wait for its first update.

    Args:
        processes: Where it runs.
        target: Path of the script.
        args: Its arguments.
        seconds: After which a trial, or the way to the first update, is over.

    Attributes:
        known: What was heard at the first update: method, rate; or how the script ended before.
        waits: Whether it waits for a question.
    """

    def __init__(self, processes: Processes, target: str, args: Sequence[str], *, seconds: float) -> None:
        self._processes = processes
        self._seconds = seconds
        with ExitStack() as opened:
            prefix = "unstuck-find-lr-"
            self._folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
            (self._folder / REQUEST).write_text(json.dumps({"target": target, "args": list(args)}), encoding="utf-8")
            self._questions = opened.enter_context((self._folder / QUESTIONS).open("a", encoding="utf-8"))
            self._exited = False
            opened.callback(self._end)
            processes.start(self._folder)
            self.known = self._answer()
            self._opened = opened.pop_all()
        self.waits = "method" in self.known

    def ask(self, rates: Sequence[float], *, passed_by: int, bound: float) -> tuple[list[dict[str, Any]], bool]:
        """Ask for a trial, and wait for its end.

        Returns:
            What was heard of it, a line for each loss, and whether its time was up.
        """
        losses = self._folder / "losses"
        losses.write_bytes(b"")
        question = {"rates": list(rates), "passed_by": passed_by, "losses": str(losses), "bound": bound}
        self._questions.write(json.dumps(question) + "\n")
        self._questions.flush()
        answer = self._answer()
        self.waits = bool(answer.get("done"))
        return [json.loads(line) for line in losses.read_text("utf-8").splitlines()], bool(answer.get("late"))

    def _answer(self) -> dict[str, Any]:
        """The next that it says; nothing at the end of the process, and that it is late after its time."""
        until = time.monotonic() + self._seconds
        while (left := until - time.monotonic()) > 0.0:
            heard = self._processes.heard(left)
            if heard is not None and heard.folder == self._folder:
                self._exited = isinstance(heard, Exited)
                return json.loads(heard.words) if isinstance(heard, Said) else {}
        return {"late": True, "ended": f"{self._seconds:g} seconds were over before its first update"}

    def last_line(self) -> str:
        """The last line that the script has printed."""
        printed = self._folder / OUTPUT
        lines = printed.read_text("utf-8", "replace").strip().splitlines() if printed.exists() else []
        return lines[-1] if lines else ""

    def close(self) -> None:
        """End it, and what it has started."""
        self._opened.close()

    def _end(self) -> None:
        until = time.monotonic() + GRACE
        while not self._exited and time.monotonic() < until:
            self._processes.end(self._folder, signal.SIGKILL)  # again and again, since it may not have begun yet
            heard = self._processes.heard(LOOK)
            self._exited = isinstance(heard, Exited) and heard.folder == self._folder

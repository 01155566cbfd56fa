"""A process that runs a script up to its first update, and then as many trials as it can."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from unstuck.find_lr.scratch import scratch

__all__ = ["ScriptProcess"]


class ScriptProcess:
    """Begin the process, and wait for its first update.

    Args:
        request: The script and its arguments.
        copied: The folder of whose copy it runs in; None: in the working directory itself.
        seconds: After which a trial, or the way to the first update, is over.

    Attributes:
        known: What was heard at the first update: method, rate; or how the script ended before.
        waits: Whether it waits for a question.
    """

    def __init__(self, request: Mapping[str, Any], copied: Path | None, *, seconds: float) -> None:
        self._seconds = seconds
        self._open = ExitStack()
        try:
            folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="unstuck-find-lr-")))
            place = Path.cwd() if copied is None else self._open.enter_context(scratch(copied))
            self._said = folder / "said"
            questions, self._questions = os.pipe()
            self._open.callback(os.close, self._questions)
            self._answers, answers = os.pipe()
            self._open.callback(os.close, self._answers)
            asked = folder / "asked"
            asked.write_text(json.dumps({**request, "questions": questions, "answers": answers}), encoding="utf-8")
            self._process = self._begin(asked, place, (questions, answers))
            self._open.callback(_end, self._process)
            os.close(questions)
            os.close(answers)
            self._unread = b""
            self.known = self._answer()
        except BaseException:
            self._open.close()
            raise
        self.waits = "method" in self.known

    def _begin(self, asked: Path, place: Path, pipes: tuple[int, int]) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry)
        with self._said.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "unstuck.find_lr.child", str(asked)],
                cwd=place,
                # Threads of NumPy's, which begin with its import, would keep the process from being forked.
                env={"OPENBLAS_NUM_THREADS": "1", **os.environ, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=pipes,
                start_new_session=True,
            )

    def ask(self, rates: Sequence[float], *, passed_by: int, losses: Path) -> bool:
        """Ask for a trial, and wait for its end; False if its time was up."""
        question = {"rates": list(rates), "passed_by": passed_by, "losses": str(losses)}
        with contextlib.suppress(BrokenPipeError):
            os.write(self._questions, (json.dumps(question) + "\n").encode())
        answer = self._answer()
        self.waits = bool(answer.get("done"))
        return not answer.get("late")

    def _answer(self) -> dict[str, Any]:
        """The next line that is said; nothing at the end of the process, and that it is late after its time."""
        until = time.monotonic() + self._seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(until - time.monotonic(), 0.0)):
                    return {"late": True, "ended": f"{self._seconds:g} seconds were over before its first update"}
                read = os.read(self._answers, 65536)
                if not read:
                    return {}
                self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)

    def last_line(self) -> str:
        """The last line that the script has printed."""
        lines = self._said.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def close(self) -> None:
        """End it, and what it has started."""
        self._open.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()

"""The process in which a script is trained: ``python -m unstuck.find_lr.child REQUEST``.

It runs the script up to its first update, says so, and waits there. Each trial that is asked for then is a fork of the
process as it stands, where that can be forked. Elsewhere the process itself goes on with the first trial, and another
begins for the next one.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import torch

from unstuck.diagnose.ending import end_of, message_of
from unstuck.diagnose.program import Program, find_program
from unstuck.errors import UnstuckError
from unstuck.find_lr.steering import Asked, Steering

__all__ = ["forkable", "main"]

SMALL = 1_000_000
"""Parameters up to which one thread is enough (our choice)."""


def main(request: Path) -> None:
    """Run the script that a request names; questions and answers go through pipes, a line of JSON each."""
    asked = json.loads(request.read_text(encoding="utf-8"))
    waiting = _Waiting(questions=asked["questions"], answers=asked["answers"])
    try:
        _run(find_program(asked["target"], asked["args"]), waiting)
    except UnstuckError as error:
        waiting.say(ended=str(error))
    _leave()


def _run(program: Program, waiting: _Waiting) -> None:
    sys.modules["__main__"] = program.main
    with Steering(begins=waiting.begins, done=_leave) as steering:
        ending = end_of(program.start)
        why = "the script ended" + ("" if ending.error is None else f" with {message_of(ending.error)}")
        (steering if waiting.begun else waiting).say(ended=why)


def forkable(parameters: int) -> bool:
    """Whether a fork of this process can train as the process itself would.

    It has no Python thread and no child that a fork would lack, as loaders with workers have, and uses no accelerator.
    A fork computes with one thread, as a loader's worker does, because those of OpenMP do not survive: that is enough
    for a small model.

    Args:
        parameters: Of the optimizer.
    """
    if not sys.platform.startswith("linux") or threading.active_count() > 1 or parameters > SMALL:
        return False
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return not (torch.accelerator.is_available() or children.read_text(encoding="ascii"))


class _Waiting:
    """Waits at the first update for what is asked."""

    def __init__(self, *, questions: int, answers: int) -> None:
        self._questions = os.fdopen(questions, encoding="utf-8")
        self._answers = os.fdopen(answers, "w", encoding="utf-8")
        self.begun = False

    def say(self, **what: Any) -> None:
        self._answers.write(json.dumps(what) + "\n")
        self._answers.flush()

    def begins(self, known: dict[str, Any]) -> Asked:
        """The script is at its first update; come back with a trial, in a fork or not."""
        forks = forkable(known["parameters"])
        self.say(**known, forks=forks)
        while line := self._questions.readline():
            asked = json.loads(line)
            pid = _fork() if forks else 0
            if pid == 0:
                self.begun = True
                if forks:
                    torch.set_num_threads(1)  # OpenMP may not begin threads in a fork
                return Asked(rates=asked["rates"], passed_by=asked["passed_by"], losses=Path(asked["losses"]))
            os.waitpid(pid, 0)
            self.say(done=True)
        _leave()
        raise AssertionError("not reached")


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads: those of OpenMP, which are not used in the fork
        return os.fork()


def _leave() -> None:
    """End at once: what the script would do at its end is not wanted."""
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

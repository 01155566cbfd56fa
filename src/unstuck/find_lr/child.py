"""The process in which a script is trained: ``python -m unstuck.find_lr.child`` forks one for each request.

It runs the script up to its first update, says so, and waits there. Each trial that is asked for then is a fork of the
process as it stands, where that can be forked. Elsewhere the process itself goes on with the first trial, and another
begins for the next one.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any, NoReturn

import torch

from unstuck.diagnose.ending import end_of, message_of
from unstuck.diagnose.program import Program, find_program
from unstuck.errors import UnstuckError
from unstuck.find_lr.script_process import OUTPUT, QUESTIONS, REQUEST
from unstuck.find_lr.steering import Asked, Steering
from unstuck.sandbox.serve import Sandbox, serve

__all__ = ["forkable", "make"]

SMALL = 1_000_000
"""Parameters up to which one thread is enough (our choice)."""

EVERY = 0.002
"""Seconds after which it looks again whether a trial is asked for."""


def make(sandbox: Sandbox) -> NoReturn:
    """Run the script that a request names, in this process, which was forked for it."""
    asked = json.loads((sandbox.folder / REQUEST).read_text(encoding="utf-8"))
    sandbox.enter(output=sandbox.folder / OUTPUT, working=os.getcwd(), script=asked["target"])
    waiting = _Waiting(sandbox)
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
    return not (torch.accelerator.is_available() or _children())


def _children() -> list[str]:
    """The processes that this one has started and that live."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()


class _Waiting:
    """Waits at the first update for what is asked."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._questions = (sandbox.folder / QUESTIONS).open(encoding="utf-8")
        self.begun = False

    def say(self, **what: Any) -> None:
        self._sandbox.say(json.dumps(what))

    def _asked(self) -> dict[str, Any]:
        """The next question, for which it waits as long as it takes."""
        line = ""
        while not line.endswith("\n"):
            line += self._questions.readline()
            time.sleep(0.0 if line else EVERY)
        return json.loads(line)

    def begins(self, known: dict[str, Any]) -> Asked:
        """The script is at its first update; come back with a trial, in a fork or not."""
        forks = forkable(known["parameters"])
        self.say(**known, forks=forks)
        while True:
            asked = self._asked()
            pid = _fork() if forks else 0
            if pid == 0:
                self.begun = True
                if forks:
                    torch.set_num_threads(1)  # OpenMP may not begin threads in a fork
                asked["losses"] = Path(asked["losses"])
                return Asked(**asked)
            os.waitpid(pid, 0)
            self.say(done=True)


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads: those of OpenMP, which are not used in the fork
        return os.fork()


def _leave() -> NoReturn:
    """End at once: what the script would do at its end is not wanted."""
    os._exit(0)


if __name__ == "__main__":
    raise serve(make)

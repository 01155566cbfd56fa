"""The process of one trial, and the one that all trials of a program are forked from.

``python -m unstuck.confirm.process`` imports what every trial needs, then reads names of trials' folders from standard
input, a line each. For each it forks a process that runs the program as ``unstuck run`` does, with the changes of
the trial, in a view of the file system of its own; where the system allows none, what Python writes goes to the
scratch folder that is its argument, and is removed. On standard output it tells of each process its start and its end.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from unstuck.confirm.bound import Bound
from unstuck.confirm.private_files import hide_writes
from unstuck.confirm.scratch_files import redirect_writes
from unstuck.confirm.seeds import move_seeds
from unstuck.confirm.trial import BEGUN, OUTPUT, Ended, Plan
from unstuck.diagnose import run_process
from unstuck.remedies import Change, applied, changed
from unstuck.train import Recipe, toml, train

if TYPE_CHECKING:
    from unstuck.diagnose import Outcome

__all__ = ["serve"]


def serve(scratch: Path | None = None) -> BaseException:
    """Fork a process for each folder that is named, until there are no more.

    Args:
        scratch: A folder for what trials write, where they cannot have mounts of their own.

    Returns:
        What this process, or one that was forked, must raise to end.
    """
    running: set[int] = set()
    server = os.getpid()
    asked = ""
    try:
        while True:
            if select.select([0], [], [], 0.05)[0]:
                text = os.read(0, 1 << 16).decode()
                if not text:
                    return SystemExit(0)
                *folders, asked = (asked + text).split("\n")
                for folder in folders:
                    child = os.fork()
                    if child == 0:
                        running.clear()
                        return _make(Path(folder), scratch / str(os.getpid()) if scratch else None)
                    running.add(child)
                    print(f"started {child} {folder}", flush=True)
            _tell_of_ended(running, scratch)
    finally:
        for child in running:
            for end in (os.killpg, os.kill):  # it may not have a group yet
                with suppress(ProcessLookupError):
                    end(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if scratch and os.getpid() == server:
            shutil.rmtree(scratch, ignore_errors=True)


def _tell_of_ended(running: set[int], scratch: Path | None) -> None:
    for child in tuple(running):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            running.discard(child)
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # workers that outlive it
            if scratch:
                shutil.rmtree(scratch / str(child), ignore_errors=True)
            print(f"ended {child} {os.waitstatus_to_exitcode(status)}", flush=True)


def _make(folder: Path, scratch: Path | None) -> BaseException:
    """Make one trial in this process, which was forked for it."""
    began = time.monotonic()
    os.setsid()
    plan = Plan.read(folder)
    started = plan.invocation
    _stream(started.stdin_file or os.devnull, 0, os.O_RDONLY)
    _stream(str(folder / OUTPUT), 1, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(1, 2)
    written = _written(started.folder, "" if plan.recipe else started.target)
    if scratch is None:
        hide_writes(written, real=[folder])
    else:
        scratch.mkdir()
        redirect_writes(written, real=[folder], scratch=scratch)
    begun = (folder / BEGUN).touch
    bound = Bound(steps=plan.steps, seconds=plan.seconds, begun=begun, training=plan.stream, gently=bool(plan.recipe))

    def conclude(outcome: Outcome) -> None:
        how = bound.reached or ("crashed" if outcome.crashed else "finished")
        _write_end(plan, folder, how, began, status=outcome.status, reason=outcome.reason or outcome.failure)

    move_seeds(plan.seed)
    bound.install()
    stack = ExitStack()  # left to the end of the process
    stack.enter_context(applied(*(Change(remedy=name, settings=settings) for name, settings in plan.changes)))
    if plan.recipe:
        train(_recipe(plan), folder)
        _write_end(plan, folder, bound.reached or "finished", began)
        return SystemExit(0)
    return run_process(started.target, started.args, module=started.module, out=folder, conclude=conclude)


def _recipe(plan: Plan) -> Recipe:
    """The recipe of a trial; its draw is one of the recipe's own seed, which its parts are seeded from."""
    recipe = Recipe.of(toml.parse(plan.recipe, source="the recipe of the run"))
    return recipe.model_copy(update={"seed": recipe.seed + plan.seed})


def _write_end(plan: Plan, folder: Path, how: str, began: float, *, status: int = 0, reason: str = "") -> None:
    took_effect = plan.control or changed()
    seconds = time.monotonic() - began
    Ended(how=how, status=status, changed=took_effect, seconds=seconds, reason=reason).write(folder)


def _stream(path: str, number: int, flags: int) -> None:
    opened = os.open(path, flags, 0o644)
    os.dup2(opened, number)
    os.close(opened)


def _written(folder: str, target: str) -> list[Path]:
    """Where a training may be expected to write."""
    places = (
        folder,
        os.path.dirname(os.path.abspath(target)),
        os.path.expanduser("~"),
        tempfile.gettempdir(),
        "/var/tmp",
    )
    return [Path(place) for place in places if os.path.isdir(place) and os.path.realpath(place) != "/"]


if __name__ == "__main__":
    raise serve(Path(sys.argv[1]) if len(sys.argv) > 1 else None)

"""Run scripts each in a process of its own, forked from one that has imported what takes long and has done no more."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import sys
from pathlib import Path

from unstuck.cli.main import main as unstuck

__all__ = ["run_forked"]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["torch", "sklearn.datasets", "unstuck.diagnose", "unstuck.rules", __name__])


def run_forked(command: list[str], folder: Path, environment: dict[str, str], *, timeout: float) -> bool:
    """Run ``unstuck`` with arguments, or a script as Python would, and say whether it ended in time.

    Args:
        command: ``["unstuck", ...]``, or the script's path and its arguments.
        folder: Where it runs; its output goes to the files ``stdout`` and ``stderr`` there.
        environment: Variables to set.
        timeout: Seconds after which it is killed.
    """
    process = _FORKS.Process(target=_execute, args=(command, folder, environment))
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.kill()
        return False
    return True


def _execute(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.update(environment)
    for number, name in ((1, "stdout"), (2, "stderr")):
        with (folder / name).open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.argv = command
    try:
        if command[0] == "unstuck":
            unstuck()
        else:
            sys.path.insert(0, str(Path(command[0]).parent))
            runpy.run_path(command[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # pyright: ignore  # a forked process leaves without them
        sys.stdout.flush()

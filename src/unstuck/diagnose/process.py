"""A script that is all that this process does: the interpreter's end is the script's, and a verdict comes before it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from unstuck.diagnose.ending import leave
from unstuck.diagnose.script import Outcome, ScriptRun
from unstuck.diagnose.streams import flush
from unstuck.diagnose.terminations import Terminations
from unstuck.observe import DEFAULT_BUDGET

__all__ = ["run_process"]


def run_process(
    target: str,
    args: Sequence[str],
    *,
    conclude: Callable[[Outcome], object],
    module: bool = False,
    out: Path | None = None,
    budget: float = DEFAULT_BUDGET,
) -> BaseException:
    """Run a script in a process of its own, of which it can tell by nothing that it is watched.

    The end is left to the interpreter: it waits for the script's threads, and runs its exit handlers, of which the
    conclusion is the last. ``os._exit`` and signals that end a process come to it too.

    Args:
        target: Path of the script, of a folder or an archive with ``__main__.py``, or the name of a module.
        args: Its arguments.
        conclude: Called once with how the script ended, in the process that was started, not in forks of it.
        module: Whether ``target`` is a module, as after ``python -m``.
        out: Folder of the run; ``runs/<date>-<name>`` by default.
        budget: Share of the training time that observing may take.

    Returns:
        What must be raised, outside all that would catch it, for the process to end as the script's would.

    Raises:
        ArgumentError: There is no such script, it is not Python, or the budget is out of range.
        RunWriteError: The run cannot be written there; the script has not been started.
    """
    words = len(sys.argv) - 1
    script = ScriptRun(target, args, module=module, out=out, budget=budget)
    end = _End(script, conclude)
    _show_plain_python(words, [*(["-m"] if module else []), target, *args])
    atexit.register(end.conclude)
    end.terminations.install()
    try:
        ending = script.perform()
    except BaseException:
        end.forget()
        raise
    end.interrupted = isinstance(ending.error, KeyboardInterrupt)
    return leave(ending)


class _End:
    """The conclusion, which is reached by several ways, and once."""

    def __init__(self, script: ScriptRun, conclude: Callable[[Outcome], object]) -> None:
        self._script = script
        self._conclude = conclude
        self._process = os.getpid()
        self._concluded = False
        self._exit = os._exit
        self.interrupted = False
        self.terminations = Terminations(functools.partial(self._last_word, killed=True))
        os._exit = self._exit_at_once()  # pyright: ignore[reportAttributeAccessIssue]

    def forget(self) -> None:
        """The script was not started: there is nothing to conclude."""
        self._concluded = True
        os._exit = self._exit  # pyright: ignore[reportAttributeAccessIssue]
        self.terminations.spoken()

    def conclude(self) -> None:
        """Print what there is to say at the end of the interpreter."""
        if os.getpid() != self._process:
            return
        self.terminations.speaking(interrupted=self.interrupted)
        flush()
        self._last_word()
        self.terminations.spoken()

    def _last_word(self, *, killed: bool = False) -> None:
        if self._concluded or os.getpid() != self._process:
            return
        self._concluded = True
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # nobody may read the verdict
        self._conclude(self._script.close(killed=killed))

    def _exit_at_once(self) -> Callable[[int], Any]:
        """``os._exit``, which would skip the verdict with all other exit handlers."""

        @functools.wraps(self._exit)
        def shown(status: int) -> Any:
            # Another thread may be at work then, and whoever leaves from there does not mean to wait for it.
            if threading.current_thread() is threading.main_thread():
                with contextlib.suppress(BaseException):
                    self._last_word()
            self._exit(status)

        return shown


def _show_plain_python(words: int, given: list[str]) -> None:
    """Let the script find what it would find after ``python script.py``, where that is not its own to set.

    Args:
        words: How many words were given to us.
        given: What Python would have been given.
    """
    sys.excepthook = sys.__excepthook__  # the command line has put another there
    ours = sys.orig_argv[: len(sys.orig_argv) - words]
    sys.orig_argv[:] = [*ours[: -2 if ours[-2:-1] == ["-m"] else -1], *given]

"""Run somebody's script in this process, unchanged, and watch it train."""

from __future__ import annotations

import builtins
import os
import runpy
import sys
import time
import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

from unstuck.errors import ArgumentError, RunWriteError
from unstuck.observe import DEFAULT_BUDGET, Session
from unstuck.record import RunWriter

__all__ = ["Outcome", "load", "new_folder", "run_script"]

INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a watched script ended.

    Attributes:
        status: Its exit status.
        folder: The run; None in a process that was not the first of a distributed training.
        reason: Why there can be no verdict, where that is known; empty otherwise.
        failure: The error that ended the observation, where one did.
    """

    status: int
    folder: Path | None
    reason: str = ""
    failure: Exception | None = None


def load(script: Path) -> CodeType:
    """Read and compile a script.

    Raises:
        ArgumentError: It does not exist, is no text, or is not Python.
    """
    try:
        source = script.read_bytes()
    except OSError as error:
        raise ArgumentError(
            f"SCRIPT={str(script)!r}: cannot be read ({error.strerror}); give the path of a Python script, or -m MODULE"
        ) from error
    try:
        return compile(source, str(script), "exec")
    except (SyntaxError, ValueError) as error:
        raise ArgumentError(
            f"SCRIPT={str(script)!r}: not Python ({error}); give the path of a Python script"
        ) from error


def new_folder(name: str) -> Path:
    """A folder for a run of this moment, ``runs/<date>-<time>-<name>``."""
    stem = time.strftime("%Y%m%d-%H%M%S") + "-" + Path(name).stem
    folder = Path("runs") / stem
    number = 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{stem}-{number}"
    return folder


def run_script(
    target: str, args: Sequence[str], *, module: bool = False, out: Path | None = None, budget: float = DEFAULT_BUDGET
) -> Outcome:
    """Run a script as ``python target args`` would, with its own arguments, path, output and exit status.

    Args:
        target: Path of the script, or the name of a module.
        args: Its arguments.
        module: Whether ``target`` is a module, as after ``python -m``.
        out: Folder of the run; ``runs/<date>-<name>`` by default.
        budget: Share of the training time that observing may take.

    Returns:
        How it ended. A crash of the script is printed as Python prints it, and is no exception here.

    Raises:
        ArgumentError: There is no such script, it is not Python, or the budget is out of range.
        RunWriteError: The run cannot be written there; the script has not been started.
    """
    code = None if module else load(Path(target))
    folder = (out or new_folder(target)).resolve()
    with RunWriter(folder) as writer:
        session = Session(writer, budget=budget)
        with _as_main(target, args, module=module):
            status = _execute(session, target, code)
        failure = session.failure
    return Outcome(
        status=status,
        folder=folder,
        reason=_why_nothing(session),
        failure=failure if not isinstance(failure, RunWriteError) else RunWriteError(str(failure)),
    )


@contextmanager
def _as_main(target: str, args: Sequence[str], *, module: bool) -> Generator[None]:
    """What a script finds when Python starts it: its arguments, and its own folder first on the path."""
    argv, path = sys.argv, sys.path[:]
    sys.argv = [target, *args]
    sys.path[0] = os.getcwd() if module else str(Path(target).resolve().parent)
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path


def _execute(session: Session, target: str, code: CodeType | None) -> int:
    """Run to the end, whatever it is, and give the exit status."""
    try:
        with session:
            if code is None:
                runpy.run_module(target, run_name="__main__", alter_sys=True)
            else:
                main = ModuleType("__main__")
                main.__dict__.update(__file__=target, __builtins__=builtins)
                # Kept for good: threads, exit handlers and unpickling need the script's module after its end.
                sys.modules["__main__"] = main
                exec(code, main.__dict__)
    except SystemExit as error:
        return _status(error)
    except KeyboardInterrupt as error:
        _print_traceback(error)
        return INTERRUPTED
    except BaseException as error:
        _print_traceback(error)
        return 1
    finally:
        sys.stdout.flush()
    return 0


def _status(error: SystemExit) -> int:
    """The status that Python would exit with."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    print(error.code, file=sys.stderr)
    return 1


def _print_traceback(error: BaseException) -> None:
    """Print the traceback as Python does, without our own frames at its top."""
    trace = error.__traceback__
    ours = {__file__, runpy.__file__, "<frozen runpy>"}
    while trace is not None and trace.tb_frame.f_code.co_filename in ours:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


def _why_nothing(session: Session) -> str:
    if not session.backward_passes:
        return "the script never called backward, so nothing was trained"
    if not session.optimizers:
        return "the script called backward, but made no torch.optim optimizer, so its updates could not be seen"
    return ""

"""Run somebody's script in this process, unchanged, and watch it train.

Of a distributed training that was started with ``torchrun -m unstuck run SCRIPT``, rank 0 is watched, and prints the
verdict. The watcher makes no collective call, so it can neither hang the training nor disturb its order of
communication. What follows from that:

- Gradients, weights and updates of data-parallel training are those of one process that sees the whole batch, since
  every rank holds the averaged gradient.
- Of parameters that are sharded over ranks (FSDP2, tensor parallelism) every rank measures its own part, and leaves the
  sums for rank 0 in the launcher's key-value store; together they too are those of one process.
- Losses, activations, inputs and targets are those of rank 0's part of the batch.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from unstuck.diagnose.tracebacks import print_error
from unstuck.errors import ArgumentError, RunWriteError
from unstuck.observe import DEFAULT_BUDGET, OtherRanks, Session, check_budget, keep_freed_memory
from unstuck.record import RunWriter
from unstuck.record.folder import new_folder

__all__ = ["Outcome", "load", "load_module", "run_script"]

INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a watched script ended.

    Attributes:
        status: Its exit status.
        folder: The run; None in a process whose training was not watched: a rank above 0, or a fork of the script.
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
        # The path is absolute in Python's own tracebacks too; our own __future__ imports must not become the script's.
        return compile(source, os.path.abspath(script), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise ArgumentError(
            f"SCRIPT={str(script)!r}: not Python ({error}); give the path of a Python script"
        ) from error


def load_module(name: str) -> tuple[CodeType, ModuleSpec]:
    """Find a module, or of a package its ``__main__``, as ``python -m`` does: the packages around it are imported.

    Raises:
        ArgumentError: There is no such module, it cannot be imported, or it has no code to run.
    """
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
        code = None if spec is None else getattr(spec.loader, "get_code", lambda _: None)(spec.name)
    except Exception as error:
        raise ArgumentError(
            f"-m {name}: cannot be imported ({type(error).__name__}: {error}); give a module that python -m {name} runs"
        ) from error
    if spec is None or not isinstance(code, CodeType):
        raise ArgumentError(f"-m {name}: there is no such module to run here; give one that python -m {name} runs")
    return code, spec


def run_script(
    target: str, args: Sequence[str], *, module: bool = False, out: Path | None = None, budget: float = DEFAULT_BUDGET
) -> Outcome:
    """Run a script as ``python target args`` would, with its own arguments, path, output and exit status.

    ``sys.argv``, ``sys.path`` and the ``__main__`` module stay the script's after its end: its threads, exit handlers
    and worker processes need them.

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
    check_budget(budget)
    if module:
        sys.argv = ["-m", *args]
        _put_first(os.getcwd())
        code, spec = load_module(target)
        main = _main(str(spec.origin), spec)
    else:
        code = load(Path(target))
        _put_first(str(Path(target).resolve().parent))
        main = _main(os.path.abspath(target), None)
    sys.argv = [str(main.__file__) if module else target, *args]
    if int(os.environ.get("RANK") or 0) > 0 and int(os.environ.get("WORLD_SIZE") or 1) > 1:
        return Outcome(status=_execute(OtherRanks(), main, code), folder=None)
    folder = (out or new_folder(Path(target).stem)).resolve()
    writer = RunWriter(folder)
    process = os.getpid()
    session = Session(writer, budget=budget)
    status = _execute(session, main, code)
    if os.getpid() != process:
        return Outcome(status=status, folder=None)
    writer.close()
    failure = session.failure
    return Outcome(
        status=status,
        folder=folder,
        reason=_why_nothing(session),
        failure=failure if not isinstance(failure, RunWriteError) else RunWriteError(str(failure)),
    )


def _execute(session: contextlib.AbstractContextManager[object], main: ModuleType, code: CodeType) -> int:
    """Run to the end, whatever it is, and give the exit status."""
    keep_freed_memory()
    sys.modules["__main__"] = main
    try:
        with session:
            exec(code, main.__dict__)
    except SystemExit as error:
        return _status(error)
    except KeyboardInterrupt as error:
        print_error(error)
        return INTERRUPTED
    except BaseException as error:
        print_error(error)
        return 1
    finally:
        sys.stdout.flush()
    return 0


def _main(file: str, spec: ModuleSpec | None) -> ModuleType:
    """The module in which Python would run a script, or with a spec a module."""
    main = ModuleType("__main__")
    main.__dict__.update(
        __file__=file,
        __builtins__=builtins,
        __spec__=spec,
        __loader__=SourceFileLoader("__main__", file) if spec is None else spec.loader,
        __package__=None if spec is None else spec.parent,
        __cached__=None if spec is None else spec.cached,
    )
    return main


def _put_first(folder: str) -> None:
    """Replace the first entry of the path, which is ours, unless Python was asked not to put one there."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = folder


def _status(error: SystemExit) -> int:
    """The status that Python would exit with."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    sys.stdout.flush()
    print(error.code, file=sys.stderr)
    return 1


def _why_nothing(session: Session) -> str:
    if session.transforms and not session.backward_passes:
        return (
            "the script takes its gradients within transforms of torch.func (grad, vmap), where neither the loss nor "
            "the gradients can be read; a plain loop of one model, with loss.backward(), can be diagnosed"
        )
    if not session.backward_passes:
        return (
            "the script never called backward in this process, so nothing was trained; training in processes that it "
            "starts itself is not seen: start those with torchrun -m unstuck run"
        )
    if not session.optimizers:
        return "the script called backward, but made no torch.optim optimizer, so its updates could not be seen"
    return ""

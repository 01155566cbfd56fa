"""What ``python`` would run for the words after it: a script, a module, or a folder or archive with ``__main__.py``."""

from __future__ import annotations

import builtins
import importlib.util
import os
import pkgutil
import runpy
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from unstuck.errors import ArgumentError

__all__ = ["NotStartedError", "Program", "find_program"]

_FIRST_MAIN = vars(sys.modules["__main__"])
"""Names of the module that Python itself has made: of these, ``__annotations__`` depend on its version."""


class NotStartedError(ArgumentError):
    """What was to be run turned out not to be there, before any of it ran."""


@dataclass(frozen=True)
class Program:
    """A program that has been found, and has not been started.

    Attributes:
        name: What its run is called.
        main: Its ``__main__`` module.
        start: Run it to its end, in that module.
    """

    name: str
    main: ModuleType
    start: Callable[[], object]


def find_program(target: str, args: Sequence[str], *, module: bool = False) -> Program:
    """Find a program, and set ``sys.argv`` and ``sys.path`` as it expects them.

    Args:
        target: Path of the script, or the name of a module.
        args: The program's own arguments.
        module: Whether ``target`` is a module, as after ``python -m``.

    Raises:
        ArgumentError: There is no such program, or it is not Python.

    Examples:
        >>> find_program("no_such_module", [], module=True)
        Traceback (most recent call last):
        unstuck.errors.ArgumentError: -m no_such_module: there is no such module; give one that python -m runs
    """
    if module:
        return _find_module(target, args)
    if target == "-":
        raise ArgumentError("SCRIPT='-': a script is not read from standard input; save it, and give its path")
    if not os.path.exists(target):
        raise _unreadable(target, "No such file or directory")
    importer = pkgutil.get_importer(os.path.abspath(target))
    if importer is not None:
        return _find_archive(target, args, importer)
    loader, code = _load(target)
    _put_first(str(Path(target).resolve().parent))
    sys.argv = [target, *args]
    main = _main(__loader__=loader, __file__=os.path.abspath(target), __cached__=None)

    def start() -> None:
        measured: dict[str, Any] = {"deepest": _deepest}
        exec(_MEASURE, measured)
        try:
            with _room_for(measured["room"], frames=2):
                exec(code, main.__dict__)
        finally:
            # So does Python, and exit handlers or threads that outlive the script may notice.
            main.__dict__.pop("__file__", None)
            main.__dict__.pop("__cached__", None)

    return Program(Path(target).stem, main, start)


def _find_module(name: str, args: Sequence[str]) -> Program:
    """A module, or of a package its ``__main__``; the packages around it are imported by its start, which is theirs."""
    _put_first(os.getcwd())
    sys.argv = ["-m", *args]
    try:
        known = importlib.util.find_spec(name.partition(".")[0])
    except (ImportError, ValueError) as error:
        raise ArgumentError(f"-m {name}: not the name of a module ({error}); give one that python -m runs") from error
    if known is None:
        raise ArgumentError(f"-m {name}: there is no such module; give one that python -m runs")
    return Program(name, _main(), lambda: _run_module(name, f"-m {name}", alter_argv=True))


def _find_archive(target: str, args: Sequence[str], importer: object) -> Program:
    """A folder, or an archive, that holds ``__main__.py``."""
    find = getattr(importer, "find_spec", None)
    if find is None or find("__main__") is None:
        raise ArgumentError(
            f"SCRIPT={target!r}: a folder or archive without __main__.py; give a Python script, or -m MODULE"
        )
    first = os.path.abspath(target)
    if _safe_path():
        sys.path.insert(0, first)  # what is run by its folder needs it all the same
    else:
        sys.path[0] = first
    sys.argv = [target, *args]
    return Program(
        Path(target).resolve().stem, _main(), lambda: _run_module("__main__", f"SCRIPT={target!r}", alter_argv=False)
    )


def _run_module(name: str, given: str, *, alter_argv: bool) -> None:
    """Run a module by what ``python -m`` itself calls, so that its warnings, names and tracebacks are the same.

    Raises:
        NotStartedError: There is no such module, or it has no code.
    """
    try:
        with _room_for(_deepest(0), frames=1):
            runpy._run_module_as_main(name, alter_argv)  # pyright: ignore[reportAttributeAccessIssue]
    except SystemExit as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is None or trace.tb_frame.f_globals is not runpy.__dict__:
            raise
        reason = str(error.code).removeprefix(f"{sys.executable}: ")
        raise NotStartedError(f"{given}: cannot be run ({reason}); give what python runs") from error


_MEASURE = compile("room = deepest(0)", "<room>", "exec")


def _deepest(depth: int) -> int:
    """How many calls deep one may go from here."""
    try:
        return _deepest(depth + 1)
    except RecursionError:
        return depth


@contextmanager
def _room_for(room: Any, *, frames: int) -> Generator[None]:
    """Let a program recurse as deep as it could if none of our frames were below it.

    Args:
        room: How many calls deep it may go as it is.
        frames: How many frames of its own that starts from.
    """
    before = sys.getrecursionlimit()
    raised = before + max(0, before - frames - room)
    sys.setrecursionlimit(raised)
    try:
        yield
    finally:
        if sys.getrecursionlimit() == raised:
            sys.setrecursionlimit(before)


def _load(target: str) -> tuple[SourceFileLoader | SourcelessFileLoader, CodeType]:
    """Read and compile a script, or read one that was compiled before.

    Raises:
        ArgumentError: It cannot be read, or is not Python.
    """
    file = os.path.abspath(target)  # in Python's own tracebacks too the path is absolute
    try:
        if target.endswith(".pyc"):
            compiled = SourcelessFileLoader("__main__", file)
            code = compiled.get_code("__main__")
            assert code is not None
            return compiled, code
        loader = SourceFileLoader("__main__", file)
        return loader, loader.source_to_code(Path(target).read_bytes(), file)
    except OSError as error:
        raise _unreadable(target, error.strerror) from error
    except (SyntaxError, ValueError, EOFError, ImportError) as error:
        said = str(error) if isinstance(error, SyntaxError) else f"{type(error).__name__}: {error}"
        raise ArgumentError(f"SCRIPT={target!r}: not Python ({said}); give the path of a Python script") from error


def _unreadable(target: str, reason: str | None) -> ArgumentError:
    return ArgumentError(
        f"SCRIPT={target!r}: cannot be read ({reason}); give the path of a Python script, or -m MODULE"
    )


def _main(**names: object) -> ModuleType:
    """The module in which Python would run a program."""
    main = ModuleType("__main__")
    annotations = {"__annotations__": {}} if "__annotations__" in _FIRST_MAIN else {}
    main.__dict__.update(**annotations, __builtins__=builtins, **names)
    return main


def _put_first(folder: str) -> None:
    """Replace the first entry of the path, which is ours, unless Python was asked not to put one there."""
    if not _safe_path():
        sys.path[0] = folder


def _safe_path() -> bool:
    return bool(getattr(sys.flags, "safe_path", False))

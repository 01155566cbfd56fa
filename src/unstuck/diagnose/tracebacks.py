"""Print the traceback of a watched program as Python prints it without us."""

from __future__ import annotations

import builtins
import contextlib
import dis
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import torch

from unstuck.observe.torch_hooks.warning_locations import hooked_by_us

__all__ = ["print_error", "without_our_frames"]

_OURS = (str(Path(__file__).parent), str(Path(__file__).parents[1] / "observe"))
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", ())  # since Python 3.11
_OVERRIDES = str(Path(torch.__file__).parent / "overrides.py")


def print_error(error: BaseException) -> SystemExit | None:
    """Print an error as an uncaught one, by the program's own ``sys.excepthook`` where it has set one.

    Returns:
        What that hook raised to leave, where it did.
    """
    _clean(error)
    kind, trace = type(error), error.__traceback__
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    if not hasattr(sys, "excepthook"):
        _write("sys.excepthook is missing\n")
        sys.__excepthook__(kind, error, trace)
        return None
    try:
        sys.excepthook(kind, error, trace)
    except SystemExit as left:
        return left
    except BaseException as failed:
        # In the interpreter's own words: it offers no way to have it say them.
        _clean(failed)
        _write("Error in sys.excepthook:\n")
        sys.__excepthook__(type(failed), failed, failed.__traceback__)
        _write("\nOriginal exception was:\n")
        sys.__excepthook__(kind, error, trace)
    return None


def _write(text: str) -> None:
    with contextlib.suppress(Exception):
        sys.stderr.write(text)


def _clean(error: BaseException) -> None:
    """Take our frames out of the tracebacks of an error and of all that it brings along."""
    known: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None and id(current) not in known:
            known.add(id(current))
            current.__traceback__ = without_our_frames(current.__traceback__)
            pending += [current.__cause__, current.__context__]
            if isinstance(current, _GROUP):
                pending += cast("Any", current).exceptions


def without_our_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the calls that pass through us.

    A function that our mode has seen was entered twice: once to be shown to the mode, once to run. The first entry goes
    together with our frame and PyTorch's between them. A module's call that took the way of hooks is shown as the plain
    call that it would have been.
    """
    entries = list(_entries(trace))
    kept: list[TracebackType] = []
    for position, entry in enumerate(entries):
        if hooked_by_us(entry.tb_frame):
            kept[-1:] = [_plain_call(call) for call in kept[-1:]]
            continue
        if not _file(entry).startswith(_OURS):
            kept.append(entry)
            continue
        if kept and _file(kept[-1]) == _OVERRIDES:
            kept.pop()
            runs = entries[position + 1].tb_frame.f_code if position + 1 < len(entries) else None
            if kept and kept[-1].tb_frame.f_code is runs:
                kept.pop()
    following: TracebackType | None = None
    for entry in reversed(kept):
        following = TracebackType(following, entry.tb_frame, entry.tb_lasti, _line(entry))
    return following


def _plain_call(entry: TracebackType) -> TracebackType:
    """The entry of a module's call, where the module has hooks, as it is where it has none: at its first call."""
    line = _line(entry)
    for instruction in dis.get_instructions(entry.tb_frame.f_code):
        line = instruction.starts_line if type(instruction.starts_line) is int else line
        line = getattr(instruction, "line_number", None) or line
        if instruction.opname == "CALL_FUNCTION_EX":
            return TracebackType(None, entry.tb_frame, instruction.offset, line)
    return entry


def _entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _line(entry: TracebackType) -> int:
    """The entry's line; the function's first, where an interrupt came between two lines and Python knows of none."""
    line = cast("int | None", entry.tb_lineno)
    return entry.tb_frame.f_code.co_firstlineno if line is None else line


def _file(entry: TracebackType) -> str:
    return entry.tb_frame.f_code.co_filename

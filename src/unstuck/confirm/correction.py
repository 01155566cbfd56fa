"""The change that a trial has proved, in the user's own source: shown as a diff, and made only if he asks for it."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from unstuck.confirm.edit import Edit, EditError, insert_before, set_keyword, unwrap
from unstuck.confirm.trial import Changes
from unstuck.errors import ArgumentError
from unstuck.record import Finding, Run
from unstuck.record.facts import Invocation, Optimizer
from unstuck.record.invocation import digest

__all__ = ["apply", "correction"]

Settings = Mapping[str, Any]
Place = tuple[str, int]

ACTIVATIONS = ("softmax", "log_softmax", "sigmoid", "Softmax", "LogSoftmax", "Sigmoid")


def correction(changes: Changes, finding: Finding, run: Run) -> Edit | None:
    """The edit of one file that makes a change permanent; None where no line is known, or it is no edit of a line.

    Args:
        changes: Name of each remedy with its settings.
        finding: The finding that the change has confirmed.
        run: The stream of the run.
    """
    if len(changes) != 1 or changes[0][0] not in EDITS:
        return None
    name, settings = changes[0]
    optimizer = run.fact(Optimizer)
    made = (optimizer.file, optimizer.line) if optimizer and optimizer.file and optimizer.line else None
    found = (finding.where.file, finding.where.line) if finding.where.file and finding.where.line else None
    place = made if name in OF_THE_OPTIMIZER else found
    if place is None:
        return None
    path = Path(place[0])
    try:
        before = path.read_bytes().decode("utf-8")
        after = EDITS[name](before, place[1], settings, made)
    except (OSError, UnicodeDecodeError, EditError):
        return None
    return Edit(file=str(path), before=before, after=after) if after != before else None


def apply(edit: Edit, run: Run) -> Path:
    """Make an edit, and keep the file as it was beside it.

    Args:
        edit: What :func:`correction` gave.
        run: The run, which knows how the file was.

    Returns:
        The backup.

    Raises:
        ArgumentError: The file has changed since the run, or cannot be written.
    """
    path = Path(edit.file)
    started = run.program(Invocation)
    known = dict(zip(started.sources, started.digests, strict=True)) if started else {}
    if known.get(str(path.absolute())) != digest(path):
        raise ArgumentError(f"{path}: has changed since the run, or was not part of it; make the change by hand")
    backup = path.with_name(f"{path.name}.orig")
    if backup.exists():
        raise ArgumentError(f"{backup}: is there already, and would be overwritten by the backup; move it away")
    try:
        shutil.copy2(path, backup)
        path.write_bytes(edit.after.encode("utf-8"))
    except OSError as error:
        raise ArgumentError(f"{path}: cannot be written ({error.strerror}); make the change by hand") from error
    return backup


def _rate(source: str, line: int, settings: Settings, made: Place | None) -> str:
    if "rate" not in settings:
        raise EditError("a factor is no number that could be written")
    return set_keyword(source, line, "lr", settings["rate"])


def _keyword(name: str) -> Callable[[str, int, Settings, Place | None], str]:
    def edit(source: str, line: int, settings: Settings, made: Place | None) -> str:
        return set_keyword(source, line, name, settings[name])

    return edit


def _cleared(source: str, line: int, settings: Settings, made: Place | None) -> str:
    if made is None:
        raise EditError("the optimizer's name is not known")
    return insert_before(source, line, f"{_assigned(source, made[1])}.zero_grad()")


def _bypassed(source: str, line: int, settings: Settings, made: Place | None) -> str:
    if settings.get("becomes"):
        raise EditError("another activation takes its place")
    return unwrap(source, line, ACTIVATIONS)


def _axis(source: str, line: int, settings: Settings, made: Place | None) -> str:
    return set_keyword(source, line, "dim", settings["axis"])


def _assigned(source: str, line: int) -> str:
    """The name that the value made at a line is given."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        if node.lineno <= line <= (node.end_lineno or node.lineno):
            return ast.unparse(node.targets[0])
    raise EditError(f"line {line} assigns to no name")


EDITS: Mapping[str, Callable[[str, int, Settings, Place | None], str]] = {
    "learning-rate": _rate,
    "weight-decay": _keyword("weight_decay"),
    "momentum": _keyword("momentum"),
    "gradients-cleared": _cleared,
    "output-activation": _bypassed,
    "softmax-axis": _axis,
}

OF_THE_OPTIMIZER = ("learning-rate", "weight-decay", "momentum")
"""Remedies that change the call that makes the optimizer; the others change the line that their finding names."""

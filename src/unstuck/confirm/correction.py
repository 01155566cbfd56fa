"""The change that a trial has proved, in the user's own source: shown as a diff, and made only if he asks for it."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unstuck.confirm.argument import Argument, OptionError, set_argument
from unstuck.confirm.edit import Edit, EditError, insert_before, unwrap, updates_beside
from unstuck.confirm.trial import Changes
from unstuck.errors import ArgumentError
from unstuck.record import Finding, Run
from unstuck.record.facts import Invocation, Optimizer, ParameterGroup
from unstuck.record.invocation import digest

__all__ = ["Given", "apply", "correction", "unchanged"]

ACTIVATIONS = ("softmax", "log_softmax", "sigmoid", "Softmax", "LogSoftmax", "Sigmoid")

SOFTMAXES = ("softmax", "log_softmax", "softmin", "Softmax", "LogSoftmax", "Softmin")


@dataclass(frozen=True, kw_only=True)
class Given:
    """A change of what the command line says, not the source.

    Attributes:
        option: The option: ``"--lr"``.
        value: What to give for it.
    """

    option: str
    value: object

    def __str__(self) -> str:
        return f"Start it with {self.option} {self.value}: the value was given on the command line."


@dataclass(frozen=True, kw_only=True)
class _Change:
    """A change that has been proved, with what is known of the run.

    Attributes:
        settings: Those of the remedy.
        finding: The finding that it confirmed.
        optimizer: The run's optimizer.
        args: The arguments that the program was started with.
        alone: Whether the run has this training only.
    """

    settings: Mapping[str, Any]
    finding: Finding
    optimizer: Optimizer
    args: tuple[str, ...]
    alone: bool

    @property
    def found(self) -> tuple[str, int]:
        """File and line that the finding names."""
        return _known(self.finding.where.file, self.finding.where.line)

    @property
    def made(self) -> tuple[str, int]:
        """File and line of the call that makes the optimizer."""
        return _known(self.optimizer.file, self.optimizer.line)

    def was(self, of: Callable[[ParameterGroup], float | None]) -> float | None:
        """A constant of the optimizer, where all its groups have the same."""
        values = {of(group) for group in self.optimizer.groups}
        return values.pop() if len(values) == 1 else None


def correction(changes: Changes, finding: Finding, run: Run, *, alone: bool = True) -> Edit | Given | None:
    """The edit of one file that makes a change permanent.

    Args:
        changes: Name of each remedy with its settings.
        finding: The finding that the change has confirmed.
        run: The stream of the run.
        alone: Whether the run has no other training, which the edit might change too.

    Returns:
        The edit; what to give on the command line, where the number came from there; None where no line is known, or
        it is no edit of a line.
    """
    if len(changes) != 1 or changes[0][0] not in EDITS:
        return None
    name, settings = changes[0]
    started = run.program(Invocation)
    change = _Change(
        settings=settings,
        finding=finding,
        optimizer=run.fact(Optimizer) or Optimizer(type=""),
        args=started.args if started else (),
        alone=alone,
    )
    try:
        file, line = change.made if name in OF_THE_OPTIMIZER else change.found
        before = Path(file).read_bytes().decode("utf-8")
        after = EDITS[name](before, line, change)
    except OptionError as given:
        return Given(option=given.option, value=settings[OF_THE_OPTIMIZER[name]])
    except (OSError, UnicodeDecodeError, EditError):
        return None
    return Edit(file=file, before=before, after=after) if after != before else None


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
    if not unchanged(path, run):
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


def unchanged(path: Path, run: Run) -> bool:
    """Whether a file of the program is as it was in the run.

    Args:
        path: The file.
        run: The run, which keeps checksums of the program's files.
    """
    started = run.program(Invocation)
    known = dict(zip(started.sources, started.digests, strict=True)) if started else {}
    return known.get(str(path.absolute())) == digest(path)


def _known(file: str | None, line: int | None) -> tuple[str, int]:
    if not file or not line:
        raise EditError("the line is not known")
    return file, line


def _rate(source: str, line: int, change: _Change) -> str:
    if "rate" not in change.settings:
        raise EditError("a factor is no number that could be written")
    was = change.was(lambda group: group.initial_rate or group.learning_rate)
    rate = Argument(name="lr", of=(change.optimizer.type,), position=1, was=was)
    return set_argument(source, line, rate, change.settings["rate"], args=change.args, alone=change.alone)


def _decay(source: str, line: int, change: _Change) -> str:
    was = change.was(lambda group: group.weight_decay)
    decay = Argument(name="weight_decay", of=(change.optimizer.type,), position=4, was=was)
    return set_argument(source, line, decay, change.settings["weight_decay"], args=change.args, alone=change.alone)


def _momentum(source: str, line: int, change: _Change) -> str:
    was = change.was(lambda group: group.momentum)
    position = 2 if change.optimizer.type == "SGD" else None
    momentum = Argument(name="momentum", of=(change.optimizer.type,), position=position, was=was)
    return set_argument(source, line, momentum, change.settings["momentum"], args=change.args, alone=change.alone)


def _cleared(source: str, line: int, change: _Change) -> str:
    file, made = change.made
    if file != change.found[0]:
        raise EditError("the optimizer's name in this file is not known")
    name = _assigned(source, made)
    if not updates_beside(source, line, calling="backward", name=name):
        raise EditError(f"the backward pass is not in one block with {name}.step(): clear once for each update")
    return insert_before(source, line, f"{name}.zero_grad()", calling="backward")


def _bypassed(source: str, line: int, change: _Change) -> str:
    if change.settings.get("becomes"):
        raise EditError("another activation takes its place")
    return unwrap(source, line, ACTIVATIONS)


def _axis(source: str, line: int, change: _Change) -> str:
    axis = Argument(name="dim", of=SOFTMAXES, position=-1, was=change.settings["given"])
    return set_argument(source, line, axis, change.settings["axis"], args=change.args, alone=change.alone)


def _assigned(source: str, line: int) -> str:
    """The name that the value made at a line is given."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        if node.lineno <= line <= (node.end_lineno or node.lineno):
            return ast.unparse(node.targets[0])
    raise EditError(f"line {line} assigns to no name")


EDITS: Mapping[str, Callable[[str, int, _Change], str]] = {
    "learning-rate": _rate,
    "weight-decay": _decay,
    "momentum": _momentum,
    "gradients-cleared": _cleared,
    "output-activation": _bypassed,
    "softmax-axis": _axis,
}

OF_THE_OPTIMIZER = {"learning-rate": "rate", "weight-decay": "weight_decay", "momentum": "momentum"}
"""Remedies that change the call that makes the optimizer, each with the setting that is written there; the others
change the line that their finding names."""

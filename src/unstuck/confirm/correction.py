"""The change that a trial has proved, in the user's own source: shown as a diff, and made only if he asks for it."""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from unstuck.confirm import of_loop, of_loss, of_model, of_optimizer
from unstuck.confirm.argument import OptionError
from unstuck.confirm.edit import Edit, EditError, parsed
from unstuck.confirm.proved import Proved
from unstuck.confirm.trial import Changes
from unstuck.errors import ArgumentError
from unstuck.record import Finding, Run
from unstuck.record.facts import Invocation, Recipe
from unstuck.record.invocation import digest

__all__ = ["Given", "apply", "correction", "unchanged"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """A change of what the command line says, not the source.

    Attributes:
        option: The option: ``"--lr"``; of a recipe its key: ``"optimizer.lr"``.
        value: What to give for it.
        recipe: Whether it is a key of a recipe.
    """

    option: str
    value: object
    recipe: bool = False

    def __str__(self) -> str:
        if self.recipe:
            return f"Train it with --set {self.option}={self.value}, or write it into the recipe."
        return f"Start it with {self.option} {self.value}: the value was given on the command line."


def correction(changes: Changes, finding: Finding, run: Run) -> Edit | Given:
    """The edit of one file that makes a change permanent.

    Args:
        changes: Name of each remedy with its settings.
        finding: The finding that the change has confirmed.
        run: The stream of the run.

    Returns:
        The edit, or what to give on the command line, where the number came from there.

    Raises:
        EditError: Why there is none: no place is known, several fit, or it is no edit of a line.
    """
    if len(changes) != 1:
        raise EditError("two changes were proved together")
    name, settings = changes[0]
    recipe = run.fact(Recipe)
    if recipe and recipe.text and name in OF_RECIPES and OF_NUMBERS[name] in settings:
        return Given(option=OF_RECIPES[name], value=settings[OF_NUMBERS[name]], recipe=True)
    if name not in EDITS:
        raise EditError("the change is no edit of a line")
    try:
        edit = EDITS[name](Proved(settings=settings, finding=finding, run=run))
    except OptionError as given:
        return Given(option=given.option, value=settings[OF_NUMBERS[name]])
    if edit.after == edit.before:
        raise EditError("the source is as it should be")
    parsed(edit.after)
    return edit


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
        mark = codecs.BOM_UTF8 if path.read_bytes().startswith(codecs.BOM_UTF8) else b""
        path.write_bytes(mark + edit.after.encode("utf-8"))
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


EDITS: Mapping[str, Callable[[Proved], Edit]] = {
    "learning-rate": of_optimizer.rate,
    "weight-decay": of_optimizer.weight_decay,
    "momentum": of_optimizer.momentum,
    "default-constants": of_optimizer.default_constants,
    "method": of_optimizer.another_method,
    "parameters-given": of_optimizer.parameters_given,
    "thawed": of_optimizer.thawed,
    "output-activation": of_model.activation_bypassed,
    "softmax-axis": of_model.softmax_axis,
    "dropout": of_model.dropout,
    "hidden-activations": of_model.hidden_activations,
    "axes-exchanged": of_model.batch_first,
    "loss-replaced": of_loss.loss_replaced,
    "loss-scaled": of_loss.mean_of_loss,
    "labels-mapped": of_loss.labels_mapped,
    "output-squeezed": of_loss.squeezed,
    "sign-flipped": of_loss.sign_flipped,
    "gradients-cleared": of_loop.gradients_cleared,
    "modes": of_loop.training_mode,
    "attached": of_loop.attached,
    "shuffled": of_loop.shuffled,
    "schedule-held": of_loop.schedule_held,
    "gradients-kept": of_loop.clipped_at,
    "clipping": of_loop.clipped,
}
"""How each remedy is written into a source."""

OF_NUMBERS = {
    "learning-rate": "rate",
    "weight-decay": "weight_decay",
    "momentum": "momentum",
    "default-constants": "epsilon",
    "dropout": "probability",
}
"""Remedies of a number that an option of the command line may hold, each with the setting that it is."""

OF_RECIPES = {
    "learning-rate": "optimizer.lr",
    "weight-decay": "optimizer.weight_decay",
    "momentum": "optimizer.momentum",
}
"""Remedies of a number that a recipe has a key for."""

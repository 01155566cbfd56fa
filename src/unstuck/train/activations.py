"""Compare activations: the same network, the same seeds, once with each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from unstuck.optional import require
from unstuck.record import Run, Signal, signals
from unstuck.record.facts import Model
from unstuck.train.outcome import Outcome, outcome_of
from unstuck.train.progress import Progress
from unstuck.train.recipe import DEFAULT, Recipe
from unstuck.train.variants import Variant, train_variants

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "COMPARED",
    "Compared",
    "activation_variants",
    "compare_activations",
    "comparison_figure",
    "comparison_table",
]

COMPARED = ("linear", "sigmoid", "tanh", "relu", "leaky-relu", "elu", "maxout")
"""The activations of the comparison, by the names that recipes use."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What one activation came to.

    Attributes:
        outcome: Its training and its verdict.
        losses: Mean training loss of each epoch.
        worth: Validation accuracy of each epoch; validation loss where there are no classes.
        dead: Share of rectifier units that fired for no example of late; None where there are no rectifiers.
        saturated: Share of values within 1% of a bound at the end; None for activations without two bounds.
        gradients: Norm of the gradient of each weight before the first update, from the first layer to the last.
    """

    outcome: Outcome
    losses: Floats
    worth: Floats
    dead: float | None
    saturated: float | None
    gradients: Floats

    @property
    def name(self) -> str:
        """The activation."""
        return self.outcome.variant.name

    def to_dict(self) -> dict[str, Any]:
        """The comparison's row as plain data."""
        return {
            **self.outcome.to_dict(),
            "losses": self.losses.tolist(),
            "validation": self.worth.tolist(),
            "dead": self.dead,
            "saturated": self.saturated,
            "gradients": self.gradients.tolist(),
        }


def activation_variants(source: str | Path = DEFAULT, *, overrides: Sequence[str] = ()) -> tuple[Variant, ...]:
    """The trainings of a comparison: one recipe, and each activation in its place.

    Raises:
        RecipeError: The recipe cannot be read, or its model has no activation to choose.

    Examples:
        >>> [variant.name for variant in activation_variants("digits")][:3]
        ['linear', 'sigmoid', 'tanh']
    """
    return tuple(
        Variant(name=name, recipe=Recipe.read(source, overrides=[*overrides, f'model.activation="{name}"']))
        for name in COMPARED
    )


def compare_activations(
    variants: Sequence[Variant], folder: Path | None = None, *, begin: Callable[[Variant], Progress] | None = None
) -> Iterator[Compared]:
    """Train with one activation after the other, and give each as soon as it is done.

    Args:
        variants: What :func:`activation_variants` gave.
        folder: Where the runs go, by default under ``runs/``.
        begin: Called before each, gives who is told meanwhile; nobody by default.

    Raises:
        UnstuckError: As :func:`~unstuck.train.train` does.
    """
    for variant, trained in train_variants(variants, folder, begin=begin):
        with Run.open(trained.folder) as run:
            yield _compared(run, outcome_of(replace(variant), trained))


def _compared(run: Run, outcome: Outcome) -> Compared:
    accuracy = run.series(signals.VALIDATION_ACCURACY).values
    model, norms = run.fact(Model), run.table(signals.GRADIENT_NORM)
    weights = {parameter.name for parameter in model.parameters if len(parameter.shape) > 1} if model else set[str]()
    columns = [column for column, name in enumerate(norms.names) if name in weights]
    return Compared(
        outcome=outcome,
        losses=run.series(signals.TRAIN_LOSS).values,
        worth=accuracy if len(accuracy) else run.series(signals.VALIDATION_LOSS).values,
        dead=_last(run, signals.DEAD_UNITS),
        saturated=_last(run, signals.ACTIVATION_SATURATED),
        gradients=norms.values[0, columns] if len(norms) else np.zeros(0),
    )


def _last(run: Run, signal: Signal) -> float | None:
    """Mean over the layers of the last sample that knows any of them."""
    table = run.table(signal)
    known = table.values[np.isfinite(table.values).any(axis=1)] if len(table) else table.values
    return float(np.nanmean(known[-1])) if len(known) else None


def comparison_table(rows: Sequence[Compared]) -> Table:
    """One row for each activation."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("activation")
    for name in ("epochs", "loss", "validation", "dead", "saturated", "gradient by depth"):
        table.add_column(name, justify="right")
    table.add_column("verdict", overflow="fold")
    for row in rows:
        classes = row.outcome.trained.epochs and row.outcome.trained.epochs[-1].train.accuracy is not None
        best = (row.worth.max() if classes else row.worth.min()) if len(row.worth) else None
        verdict = row.outcome.verdict
        table.add_row(
            row.name,
            str(len(row.losses)),
            f"{row.losses[-1]:.4g}" if len(row.losses) else "-",
            "-" if best is None else f"{best:.1%}" if classes else f"{best:.4g}",
            "-" if row.dead is None else f"{row.dead:.1%}",
            "-" if row.saturated is None else f"{row.saturated:.1%}",
            " ".join(f"{norm:.2g}" for norm in row.gradients),
            verdict.findings[0].cause if verdict.kind == "findings" else verdict.kind,
        )
    return table


def comparison_figure(rows: Sequence[Compared]) -> Figure:
    """Training loss and validation by epoch, and the gradient at the start by depth, a line for each activation.

    Raises:
        MissingPackageError: If matplotlib is not installed (``pip install 'unstuck[plot]'``).
    """
    drawing = require("matplotlib.figure", extra="plot", purpose="drawing the comparison")
    figure = drawing.Figure(figsize=(12.0, 3.6), layout="constrained")
    loss, worth, depth = figure.subplots(1, 3)
    for row in rows:
        loss.plot(np.arange(1, len(row.losses) + 1), row.losses, label=row.name)
        worth.plot(np.arange(1, len(row.worth) + 1), row.worth)
        depth.plot(np.arange(1, len(row.gradients) + 1), row.gradients, marker=".")
    for axes, title, x in (
        (loss, "training loss", "epoch"),
        (worth, "validation", "epoch"),
        (depth, "gradient norm before the first update", "weight, from input to output"),
    ):
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(x)
        axes.spines[["top", "right"]].set_visible(False)
    loss.set_yscale("log")
    depth.set_yscale("log")
    depth.xaxis.get_major_locator().set_params(integer=True)
    loss.legend(fontsize=8, frameon=False)
    return figure

"""Compare activations: the same network, the same seeds, once with each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.table import Table

from unstuck.train.compared import Compared, compared
from unstuck.train.outcome import outcome_of
from unstuck.train.progress import Progress
from unstuck.train.recipe import DEFAULT, Recipe
from unstuck.train.variants import Variant, train_variants

__all__ = ["COMPARED", "activation_variants", "compare_activations", "comparison_table"]

COMPARED = ("linear", "sigmoid", "tanh", "relu", "leaky-relu", "elu", "maxout")
"""The activations of the comparison, by the names that recipes use."""


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
        yield compared(outcome_of(variant, trained))


def comparison_table(rows: Sequence[Compared]) -> Table:
    """One row for each activation."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("activation")
    for name in ("epochs", "loss", "validation", "dead", "saturated", "gradient by depth"):
        table.add_column(name, justify="right")
    table.add_column("verdict", overflow="fold")
    for row in rows:
        best = (row.worth.max() if row.classes else row.worth.min()) if len(row.worth) else None
        table.add_row(
            row.name,
            str(len(row.losses)),
            f"{row.losses[-1]:.4g}" if len(row.losses) else "-",
            "-" if best is None else f"{best:.1%}" if row.classes else f"{best:.4g}",
            "-" if row.dead is None else f"{row.dead:.1%}",
            "-" if row.saturated is None else f"{row.saturated:.1%}",
            " ".join(f"{norm:.2g}" for norm in row.gradients),
            row.outcome.cause,
        )
    return table

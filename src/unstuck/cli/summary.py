"""``unstuck summary``: the layers of a model, with the arithmetic of their sizes and costs."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["summary"]


def summary(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|MODULE:FUNCTION", help="A recipe, or a function that returns model, loss, data."
        ),
    ] = "digits",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key of a recipe. May be repeated."),
    ] = None,
) -> None:
    """Show the layers of a model: output sizes, parameters, multiply-adds, receptive fields."""
    from rich.console import Console

    from unstuck.errors import ArgumentError
    from unstuck.nn import summary as summarise
    from unstuck.preflight import from_factory
    from unstuck.train import Recipe, subject_of

    if ":" in target and overrides:
        raise ArgumentError("--set: it changes a recipe, and a function has none; leave it away")
    subject = from_factory(target) if ":" in target else subject_of(Recipe.read(target, overrides=overrides or ()))
    console = Console()
    shown = summarise(subject.model, subject.one)
    console.print(shown if console.is_terminal else str(shown), markup=False, highlight=False, soft_wrap=True)

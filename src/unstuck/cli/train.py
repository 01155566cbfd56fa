"""``unstuck train``: a complete, checked training from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["train"]

INTERRUPTED_EXIT = 130


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A TOML file, or the name of a recipe that is shipped.")
    ] = "digits",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key, such as optimizer.lr=0.01. May be repeated."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Try two classes and a tenth of the data first; the test part is left out.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run; runs/<date>-<name> by default.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the verdict as JSON too.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 on a finding of severity error.")] = False,
) -> None:
    """Train a model by a recipe, watch it, and say what is wrong, if anything is."""
    # The command's own modules are imported here, for torch takes seconds that --help must not wait for.
    from rich.console import Console

    from unstuck.cli.verdict import show
    from unstuck.train import Recipe, progress_for
    from unstuck.train import train as train_recipe

    console = Console()
    plan = Recipe.read(recipe, overrides=[*(overrides or ()), *(["data.quick=true"] if quick else [])])
    trained = train_recipe(plan, out, progress=progress_for(console))
    for line in trained.lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print()
    status = show(
        trained.folder, console=console, html=trained.folder / "report.html", json_file=json_file, strict=strict
    )
    raise typer.Exit(INTERRUPTED_EXIT if trained.reason == "interrupted" else status)

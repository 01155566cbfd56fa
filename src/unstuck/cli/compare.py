"""``unstuck compare``: the same training, with one thing changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["compare"]

compare = typer.Typer(help="Train the same network with one thing changed, and compare.", no_args_is_help=True)


@compare.callback()
def _group() -> None:  # pyright: ignore[reportUnusedFunction]
    """Train the same network with one thing changed, and compare."""


@compare.command()
def activations(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A TOML file, or a recipe that is shipped.")] = "mlp",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key, such as train.epochs=5. May be repeated."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two classes and a tenth of the data.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the runs; under runs/ by default.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures as JSON.")] = None,
) -> None:
    """Train once with each activation: curves, dead and saturated units, gradient by depth."""
    from rich.console import Console

    from unstuck.cli.json_file import write_json
    from unstuck.record.folder import new_folder
    from unstuck.report import write_comparison
    from unstuck.train import Progress, Variant, progress_for
    from unstuck.train.activations import activation_variants, compare_activations, comparison_table
    from unstuck.train.compared import Compared, comparison

    console = Console()
    variants = activation_variants(recipe, overrides=[*(overrides or ()), *(["data.quick=true"] if quick else [])])
    folder = out or new_folder("activations")

    def begin(variant: Variant) -> Progress:
        console.print(f"{variants.index(variant) + 1}/{len(variants)}  {variant.name}", highlight=False)
        return progress_for(console)

    rows: list[Compared] = []
    for row in compare_activations(variants, folder, begin=begin):
        rows.append(row)
    console.print(comparison_table(rows))
    if json_file:
        write_json(json_file, {"schema": 2, "activations": [row.to_dict() for row in rows]})
    page = write_comparison(comparison(rows, f"Activations in {recipe}"), folder / "comparison.html")
    console.print(f"Curves: {page}", markup=False, highlight=False, soft_wrap=True)

"""``unstuck show``: the course in pictures, one page each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unstuck.cli.race import Animation, PictureFolder

__all__ = ["show"]


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to show; without it, all names are listed.")] = "",
    gif: Animation = False,
    out: PictureFolder = Path("pictures"),
) -> None:
    """Show one thing about training in one page: valley, slope, burst, warm-up, momentum, nesterov, averages, ..."""
    from rich.console import Console

    from unstuck.cli.sheets import print_course, write
    from unstuck.surfaces.course import RECIPES, lesson

    console = Console()
    if not name:
        print_course(console)
        return
    if name in RECIPES:
        from unstuck.cli.train import train

        recipe, _ = RECIPES[name]
        console.print(f"This is the recipe {recipe}: unstuck train {recipe}", markup=False, highlight=False)
        train(recipe, out=out / name)
        return
    chosen = lesson(name)
    sheet = chosen.sheet()
    console.print(sheet.title, style="bold", markup=False, highlight=False)
    for method, remark in zip(sheet.names, sheet.remarks, strict=True):
        console.print(f"  {method}: {remark}", markup=False, highlight=False, soft_wrap=True)
    write(console, sheet, out, name, gif=gif)
    console.print(f"Change it:  {sheet.command}", markup=False, highlight=False, soft_wrap=True)

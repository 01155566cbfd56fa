"""``unstuck find-lr``: the learning rate to train with, by three methods."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from unstuck.cli.options import INTERRUPTED_EXIT

__all__ = ["ScriptLast", "find_lr"]

NONE_EXIT = 1


class ScriptLast(TyperCommand):
    """A command line on which everything after ``--script FILE`` belongs to the script."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keep the script's own arguments from being read as ours."""
        for k, word in enumerate(args):
            if word == "--":
                break
            if word == "--script" or word.startswith("--script="):
                end = k + 2 if word == "--script" else k + 1
                rest = args[end:]
                args = [*args[:end], "--", *(rest[1:] if rest[:1] == ["--"] else rest)]
                break
        return super().parse_args(ctx, args)  # pyright: ignore


def find_lr(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE|MODULE:FUNCTION]",
            help="A recipe, or a function that returns model, loss, data, optimizer; digits by default. After "
            "--script, the script's own arguments.",
        ),
    ] = None,
    script: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A training script; all that follows are its own arguments."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key of a recipe. May be repeated."),
    ] = None,
    low: Annotated[float, typer.Option(metavar="RATE", help="The lowest rate that is tried.")] = 1e-6,
    high: Annotated[float, typer.Option(metavar="RATE", help="The highest.")] = 100.0,
    points: Annotated[int, typer.Option(metavar="N", help="Updates from the lowest to the highest.")] = 64,
    repeats: Annotated[int, typer.Option(metavar="N", help="Range tests at most, on other batches each.")] = 3,
    longest: Annotated[
        int | None,
        typer.Option(metavar="N", help="Updates of the longest trainings; 144, of a recipe a sixth of its own."),
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="S", help="After which a trial of a script is over.")] = 120.0,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Let what the script writes stay; otherwise it is gone at the end.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the pictures; runs/<date>-find-lr by default.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures as JSON.")] = None,
) -> None:
    """Search for the learning rate by three methods. Exits with 1 if no rate is of use."""
    from rich.console import Console

    from unstuck.cli.json_file import check_json, write_json
    from unstuck.errors import ArgumentError
    from unstuck.find_lr import (
        Effort,
        FoundRate,
        FoundText,
        InScript,
        find_in_function,
        find_in_recipe,
        search,
        write_pictures,
    )
    from unstuck.record.folder import new_folder
    from unstuck.train import Recipe

    console = Console()
    effort = Effort(low=low, high=high, points=points, repeats=repeats, longest=longest)
    check_json(json_file)

    def found() -> FoundRate:
        if script is not None:
            with InScript(script, words or (), in_place=in_place, seconds=seconds) as trainer:
                return search(trainer, effort, notes=trainer.notes)
        if ":" in target:
            return find_in_function(target, effort=effort)
        return find_in_recipe(Recipe.read(target, overrides=overrides or ()), effort=effort)

    if script is None and len(words or ()) > 1:
        raise ArgumentError(
            f"{' '.join(words or ())}: one recipe or function is accepted; a script comes after --script"
        )
    target = words[0] if words and script is None else "digits"
    if overrides and (script is not None or ":" in target):
        raise ArgumentError("--set: it changes a recipe, and here is none; leave it away")
    try:
        with console.status("Training for a few updates, at many rates"):
            result = found()
    except KeyboardInterrupt:
        typer.echo("unstuck: interrupted before a rate was found; nothing of the search is kept", err=True)
        raise typer.Exit(INTERRUPTED_EXIT) from None
    console.print(FoundText(result))
    page, picture = write_pictures(result, out or new_folder("find-lr"))
    console.print(f"Page: {page}\nPicture: {picture}", markup=False, highlight=False, soft_wrap=True)
    if json_file:
        write_json(json_file, result.to_dict())
    raise typer.Exit(NONE_EXIT if result.rate is None else 0)

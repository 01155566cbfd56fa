"""``unstuck race``: methods on a surface, step by step, as a page and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Animation", "PictureFolder", "race"]

PictureFolder = Annotated[
    Path,
    typer.Option(
        "--out", metavar="DIR", help="Folder of the page and the picture; earlier ones of the same name are replaced."
    ),
]


Animation = Annotated[bool, typer.Option("--gif", help="Write an animated GIF too; needs Pillow.")]


def _point(text: str, count: int, form: str) -> tuple[float, ...]:
    import math

    try:
        numbers = tuple(map(float, text.split(",")))
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise typer.BadParameter(f"{text!r} is not {form}; give {count} numbers with commas between them")
    return numbers


def race(
    surface: Annotated[
        str, typer.Argument(metavar="SURFACE", help="A surface by its name, or your own f(x, y) as module:function.")
    ] = "",
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="TEXT",
            help="A method and its constants, as 'adam lr=0.1 betas=0.9,0.99 schedule=cosine warmup=20 noise=0.5'. May "
            "be repeated. Without lr, the best of three rates a decade is taken.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of each method.")] = 500,
    start: Annotated[str, typer.Option(metavar="X,Y", help="Where it begins: --start=-1,2.")] = "",
    window: Annotated[str, typer.Option(metavar="X0,X1,Y0,Y1", help="What is drawn: --window=-3,3,-2,2.")] = "",
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the noise.", min=0)] = 0,
    gif: Animation = False,
    out: PictureFolder = Path("pictures"),
) -> None:
    """Let methods run on a surface of two parameters: a page to play and to zoom into, and a picture.

    Without SURFACE, list surfaces and methods. `unstuck show` has races that show one thing each.
    """
    from rich.console import Console

    from unstuck.cli.sheets import print_race, print_surfaces, write
    from unstuck.surfaces import Entry
    from unstuck.surfaces import race as run
    from unstuck.surfaces.own import surface_of
    from unstuck.surfaces.page import sheet_of
    from unstuck.surfaces.race import race_command

    console = Console()
    if not surface:
        print_surfaces(console)
        return
    ground = surface_of(
        surface,
        start=_point(start, 2, "a point") if start else None,  # type: ignore[arg-type]
        window=_point(window, 4, "a window") if window else None,  # type: ignore[arg-type]
    )
    entries = [Entry.parse(text) for text in methods or SIX]
    tracks = run(ground, entries, steps=steps, seed=seed)
    print_race(console, tracks)
    given = {"--start": start, "--window": window, "--seed": str(seed) if seed else ""}
    options = [f"{option}={value}" for option, value in given.items() if value]
    sheet = sheet_of(
        tracks,
        title=f"{len(tracks)} methods on {ground.name}" if len(tracks) > 1 else f"{entries[0].method} on {ground.name}",
        text=ground.shows,
        made_of="Made by this command; change a rate, a method, the start or the surface, and look again.",
        command=race_command(surface, [track.entry.text for track in tracks], steps=steps, options=options),
    )
    for refusal in ground.refused:
        console.print(f"{refusal}; taken as NaN there, and left blank", markup=False, highlight=False, soft_wrap=True)
    write(console, sheet, out, ground.name, gif=gif)


SIX = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
"""The methods of a race that names none; each finds its rate."""

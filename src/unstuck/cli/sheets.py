"""What ``unstuck race`` and ``unstuck show`` print and write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from unstuck.surfaces import SURFACES, Track
from unstuck.surfaces.animation import write_animation
from unstuck.surfaces.course import COURSE, RECIPES
from unstuck.surfaces.entry import RACING
from unstuck.surfaces.outcome import outcomes
from unstuck.surfaces.page import Sheet, write_sheet
from unstuck.surfaces.picture import write_picture
from unstuck.train.optimizer import constants_of

__all__ = ["print_course", "print_race", "print_surfaces", "write"]


def write(console: Console, sheet: Sheet, folder: Path, name: str, *, gif: bool = False) -> None:
    """Write the page, the picture and, if it is asked for, the animation, and print their paths.

    Raises:
        RunWriteError: The folder may not be written.
        ArgumentError: An animation is asked for, and nothing moves.
        MissingPackageError: Pillow is not installed, and an animation is asked for.
    """
    page = write_sheet(sheet, folder / f"{name}.html")
    picture = write_picture(sheet, folder / f"{name}.svg")
    console.print(f"Page:       {page}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Picture:    {picture}", markup=False, highlight=False, soft_wrap=True)
    if gif:
        animation = write_animation(sheet, folder / f"{name}.gif")
        console.print(f"Animation:  {animation}", markup=False, highlight=False, soft_wrap=True)


def print_race(console: Console, tracks: Sequence[Track]) -> None:
    """What became of each method."""
    table = Table("method", "in the end", "loss", "gradient norm", box=None, header_style="bold")
    for track, outcome in zip(tracks, outcomes(tracks), strict=True):
        name = track.entry.text + ("  (the best rate tried)" if track.found else "")
        last = track.last
        table.add_row(name, str(outcome), f"{track.losses[last]:.4g}", f"{track.gradient_norms[last]:.3g}")
    console.print(table)


def print_surfaces(console: Console) -> None:
    """The surfaces, and the methods with their constants."""
    console.print("Surfaces", style="bold")
    _rows(console, {name: surface.shows for name, surface in SURFACES.items()})
    _rows(console, {"module:function": "Your own f(x, y), in operations of Python, NumPy or torch."})
    console.print("\nMethods, and what --method may set for each", style="bold")
    _rows(console, {name: " ".join(constants_of(name)) for name in RACING})
    console.print("\nExample", style="bold")
    example = "unstuck race rosenbrock --method 'adam lr=0.1' --method 'sgd lr=1e-3 momentum=0.9' --steps 1000"
    console.print(f"  {example}", markup=False, highlight=False, soft_wrap=True)


def print_course(console: Console) -> None:
    """What there is to show."""
    _rows(console, {name: lesson.shows for name, lesson in COURSE.items()})
    console.print("\nTrainings, which take longer", style="bold")
    _rows(console, {name: f"{shows} (recipe {recipe})" for name, (recipe, shows) in RECIPES.items()})
    console.print("\nunstuck show NAME writes a page and a picture.", markup=False, highlight=False)


def _rows(console: Console, rows: dict[str, str]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=16, no_wrap=True)
    table.add_column()
    for name, text in rows.items():
        table.add_row(f"  {name}", text)
    console.print(table)

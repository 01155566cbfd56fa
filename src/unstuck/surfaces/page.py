"""The page of a race: the map to zoom into, the ways to play and to step through, the curves beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from unstuck._version import __version__
from unstuck.report.page import Script, static, write_page
from unstuck.surfaces.contours import RAMP, relief
from unstuck.surfaces.drawing import HEIGHT, WIDTH, Map, draw
from unstuck.surfaces.outcome import outcomes
from unstuck.surfaces.panels import Panel, frames, panels_of, rounded
from unstuck.surfaces.race import Track

__all__ = ["COLOURS", "Sheet", "sheet_of", "write_sheet"]

Floats = NDArray[np.float64]
COLOURS = ("#0b6aa8", "#c8500a", "#1f7a52", "#8b3fa0", "#b3261e", "#8a6d00", "#22262b", "#c2407e")
"""Of the methods, in their order; they tell apart on a light map, with most kinds of colour blindness too."""
COARSE = 2  #: points of the grid to one of the surface in three dimensions
FAR = 20_000.0  #: units beyond which a way that diverges is drawn no further
PACKAGE = "unstuck.surfaces"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a page shows.

    Attributes:
        title: What there is to see.
        text: Why it is so.
        made_of: What the page is made of, and how to change it.
        command: The command that makes it.
        steps: The steps shown, what runs along the axis of every panel.
        axis: What the steps are called.
        heading: What the remarks are.
        row: What a row of the table is about.
        names: The methods.
        remarks: What became of each.
        panels: The curves.
        map: The surface, for a race.
        ways: For each method x and y at the steps shown, in units of the map.
        arrows: For each method with a velocity, its number with the velocity's and the gradient's share of each step,
            each of shape (steps, 2), in units of the map.
        heights: The surface in three dimensions: ranks of the loss on a coarse grid, the bottom row first.
        losses: The loss on the map, shown under the pointer, the bottom row first; None where it is not.
    """

    title: str
    text: str
    made_of: str
    command: str
    steps: NDArray[np.int64]
    names: tuple[str, ...]
    remarks: tuple[str, ...]
    panels: tuple[Panel, ...]
    axis: str = "step"
    heading: str = "in the end"
    row: str = "method"
    map: Map | None = None
    ways: tuple[Floats, ...] = ()
    arrows: tuple[tuple[int, Floats, Floats], ...] = ()
    heights: Floats | None = None
    losses: Floats | None = None

    def data(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {
            "steps": self.steps.tolist(),
            "axis": self.axis,
            "names": list(self.names),
            "colours": list(COLOURS),
            "panels": [panel.data() for panel in self.panels],
            "ways": [[rounded(way[:, 0]), rounded(way[:, 1])] for way in self.ways],
            "arrows": [
                {"m": m, "velocity": list(map(rounded, velocity.T)), "gradient": list(map(rounded, gradient.T))}
                for m, velocity, gradient in self.arrows
            ],
            "size": [WIDTH, HEIGHT],
            "heights": [] if self.heights is None else [rounded(row.round(3)) for row in self.heights],
            "losses": [] if self.losses is None else [rounded(row) for row in self.losses],
            "ramp": [list(colour) for colour in RAMP],
        }


def sheet_of(tracks: Sequence[Track], *, title: str, text: str, made_of: str, command: str) -> Sheet:
    """The sheet of a race."""
    surface = tracks[0].surface
    seen = relief(surface)
    left, right, low, high = seen.window
    shown = frames(tracks[0].steps)
    scale = np.array([WIDTH / (right - left), -HEIGHT / (high - low)])

    def on_map(points: Floats) -> Floats:
        return np.clip((points - (left, high)) * scale, -FAR, FAR)

    arrows = tuple(
        (k, track.states["velocity"][shown] * momentum * scale, -rate * track.gradients[shown] * scale)
        for k, track in enumerate(tracks)
        if track.entry.method in ("momentum", "look-ahead-nesterov")
        for momentum, rate in [(_at(track, "momentum", shown), _at(track, "lr", shown))]
    )
    return Sheet(
        title=title,
        text=text,
        made_of=made_of,
        command=command,
        steps=shown,
        names=tuple(track.entry.text for track in tracks),
        remarks=tuple(str(outcome) for outcome in outcomes(tracks)),
        panels=panels_of(tracks, shown),
        map=draw(seen, start=surface.start, axes=surface.axes, minimum=surface.minimum),
        ways=tuple(on_map(track.points[shown]) for track in tracks),
        arrows=arrows,
        heights=seen.ranks[::COARSE, ::COARSE],
    )


def write_sheet(sheet: Sheet, path: Path) -> Path:
    """Write a sheet as one self-contained page.

    Raises:
        RunWriteError: The file may not be written, or the disk is full.
    """
    script = Script.of(static("race.js", package=PACKAGE))
    text = _environment().get_template("race.html.j2").render(
        sheet=sheet,
        colours=COLOURS,
        data=sheet.data(),
        styles=static("report.css") + static("race.css", package=PACKAGE),
        script=script,
        version=__version__,
    )  # fmt: skip
    return write_page(path, text, what="page")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":"), "ensure_ascii": True}
    return environment


def _at(track: Track, name: str, shown: NDArray[np.int64]) -> Floats:
    """A constant of the rule at the steps shown, as a column; at the last point, that of the last step."""
    values = track.numbers[name]
    return values[np.minimum(shown, len(values) - 1)][:, None]

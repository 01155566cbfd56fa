"""A sheet as an animated GIF, for slides: the ways over the map, and the loss beside them."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import ArgumentError
from unstuck.optional import require
from unstuck.report.page import write_bytes
from unstuck.surfaces.drawing import Map
from unstuck.surfaces.page import COLOURS, Sheet
from unstuck.surfaces.picture import Chart, chart

__all__ = ["write_animation"]

Floats = NDArray[np.float64]
Line = list[tuple[float, float]]
FRAMES = 90  #: pictures, at most
PAUSE, LAST = 60, 2_000  #: milliseconds that a picture stays, and the last one
LEFT, TOP, GAP = 60, 50, 70
INK, SOFT, PAPER = "#22262b", "#5d646d", "#ffffff"


def write_animation(sheet: Sheet, path: Path) -> Path:
    """Write a race as an animated GIF that begins again when it is over.

    Args:
        sheet: One with a map, and ways of two points or more.
        path: The file.

    Raises:
        ArgumentError: Nothing moves on the sheet.
        MissingPackageError: Pillow is not installed.
        RunWriteError: The file may not be written, or the disk is full.
    """
    pillow = require("PIL.Image", extra="images", purpose="animations")
    pens = require("PIL.ImageDraw", extra="images", purpose="animations")
    if sheet.map is None or len(sheet.steps) < 2:
        raise ArgumentError(f"{sheet.title!r}: nothing moves on it, so that there is nothing to animate")
    ground = _ground(sheet, sheet.map, pillow, pens)
    colours = ground.quantize(colors=224)
    pictures = [_frame(sheet, ground, k, pens).quantize(palette=_palette(colours), dither=0) for k in _shown(sheet)]
    held = [PAUSE] * (len(pictures) - 1) + [LAST]
    content = io.BytesIO()
    pictures[0].save(content, "GIF", save_all=True, append_images=pictures[1:], duration=held, loop=0)
    return write_bytes(path, content.getvalue(), what="animation")


def _shown(sheet: Sheet) -> list[int]:
    """The frames that make a picture: as many to each part of the way, and the last."""
    last = len(sheet.steps) - 1
    return sorted(set(np.linspace(0, last, min(FRAMES, last + 1)).round().astype(int).tolist()))


def _palette(colours: Any) -> Any:
    """The colours of the ground, and those of the methods in place of its rarest."""
    kept = colours.getpalette()[: 3 * 224]
    for colour in COLOURS:
        kept += [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    palette = colours.copy()
    palette.putpalette(kept + [255] * (768 - len(kept)))
    return palette


def _ground(sheet: Sheet, seen: Map, pillow: Any, pens: Any) -> Any:
    """All that stands still: the map, the axes, the curves, the names."""
    plot = chart(sheet.panels[0], sheet.steps, axis=sheet.axis)
    width = LEFT + seen.width + GAP + plot.width + 20
    height = max(TOP + seen.height + 50, TOP + plot.height + 60 + 20 * len(sheet.names))
    whole = pillow.new("RGB", (width, height), PAPER)
    relief = pillow.open(io.BytesIO(base64.b64decode(seen.image.partition(",")[2])))
    whole.paste(relief.convert("RGB").resize((seen.width, seen.height), pillow.Resampling.BICUBIC), (LEFT, TOP))
    pen = pens.Draw(whole, "RGBA")
    for level in seen.lines:
        for line in _lines(level):
            pen.line([(x + LEFT, y + TOP) for x, y in line], fill=(20, 50, 74, 80))
    pen.text((LEFT, 12), sheet.title, fill=INK, font_size=17)
    _axes(pen, seen)
    _curves(pen, plot, LEFT + seen.width + GAP)
    for m, name in enumerate(sheet.names):
        x, y = LEFT + seen.width + GAP, TOP + plot.height + 50 + 20 * m
        pen.line([(x, y + 7), (x + 18, y + 7)], fill=COLOURS[m % len(COLOURS)], width=4)
        pen.text((x + 26, y), name, fill=INK, font_size=12)
    return whole


def _axes(pen: Any, ground: Map) -> None:
    for mark in ground.across:
        pen.text((LEFT + mark.at, TOP + ground.height + 5), mark.text, fill=SOFT, anchor="ma", font_size=11)
    for mark in ground.up:
        pen.text((LEFT - 6, TOP + mark.at), mark.text, fill=SOFT, anchor="rm", font_size=11)
    pen.text((LEFT + ground.width / 2, TOP + ground.height + 24), ground.axes[0], fill=SOFT, anchor="ma", font_size=12)
    pen.text((LEFT, TOP - 16), ground.axes[1], fill=SOFT, font_size=12)


def _curves(pen: Any, plot: Chart, left: float) -> None:
    pen.text((left, TOP - 16), plot.title, fill=INK, font_size=13)
    for mark in plot.up:
        pen.line([(left, TOP + mark.at), (left + plot.width, TOP + mark.at)], fill="#ecebe6")
        pen.text((left - 6, TOP + mark.at), mark.text, fill=SOFT, anchor="rm", font_size=11)
    for mark in plot.across:
        pen.text((left + mark.at, TOP + plot.height + 5), mark.text, fill=SOFT, anchor="ma", font_size=11)
    pen.text((left + plot.width / 2, TOP + plot.height + 22), plot.axis, fill=SOFT, anchor="ma", font_size=12)
    for colour, _, path in plot.lines:
        for line in _lines(path):
            pen.line([(x + left, y + TOP) for x, y in line], fill=colour, width=2)


def _frame(sheet: Sheet, ground: Any, frame: int, pens: Any) -> Any:
    """The ways so far, where each method is, and the step on the curves."""
    assert sheet.map is not None, "a sheet without a map is refused"
    picture = ground.copy()
    cut = picture.crop((LEFT, TOP, LEFT + sheet.map.width, TOP + sheet.map.height))
    pen = pens.Draw(cut)
    for m, way in enumerate(sheet.ways):
        colour = COLOURS[m % len(COLOURS)]
        there = [(x, y) for x, y in way[: frame + 1].tolist() if math.isfinite(x) and math.isfinite(y)]
        if len(there) > 1:
            pen.line(there, fill=colour, width=3, joint="curve")
        if there:
            x, y = there[-1]
            pen.ellipse([x - 6, y - 6, x + 6, y + 6], fill=colour, outline="#ffffff", width=2)
    picture.paste(cut, (LEFT, TOP))
    plot = chart(sheet.panels[0], sheet.steps)
    at = LEFT + sheet.map.width + GAP + plot.place(float(sheet.steps[frame]))
    pen = pens.Draw(picture)
    pen.line([(at, TOP), (at, TOP + plot.height)], fill=SOFT)
    pen.text((LEFT + sheet.map.width, 14), f"{sheet.axis} {sheet.steps[frame]:,}", fill=INK, anchor="ra", font_size=13)
    return picture


def _lines(path: str) -> Sequence[Line]:
    """A path of straight lines, as pictures in SVG have it, as lists of points."""
    parts = [part.replace("L", " ").split() for part in path.split("M") if part]
    numbers = [list(map(float, part)) for part in parts]
    return [list(zip(part[::2], part[1::2], strict=True)) for part in numbers if len(part) > 2]

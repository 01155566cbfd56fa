"""The picture of a sheet as one SVG file: the map with every way, or the first curves, for slides and terminals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from unstuck.report.page import write_page
from unstuck.surfaces.drawing import Mark, marks
from unstuck.surfaces.page import COLOURS, Sheet
from unstuck.surfaces.panels import Panel

__all__ = ["Chart", "chart", "write_picture"]

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 400, 190
MANY = 1_500  #: steps from which on their axis is logarithmic
DECADES = 14.0  #: of a logarithmic axis, at most
ABOVE = 4.0  #: decades that it goes above the first values, at most


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A panel in units of the picture, ``WIDTH`` by ``HEIGHT``.

    Attributes:
        title: What is drawn.
        axis: What runs along below.
        lines: Colour, dashes and path of each curve.
        across: Marks along the axis of steps.
        up: Marks upwards.
        last: The last step.
        wide: Whether the axis of steps is logarithmic.
        width: Of the chart.
        height: Of the chart.
    """

    title: str
    axis: str
    lines: tuple[tuple[str, str, str], ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    last: float = 1.0
    wide: bool = False
    width: int = WIDTH
    height: int = HEIGHT

    def place(self, step: float) -> float:
        """Where a step lies from the left."""
        share = math.log10(step + 1.0) / math.log10(self.last + 1) if self.wide else step / self.last
        return share * self.width


def write_picture(sheet: Sheet, path: Path) -> Path:
    """Write a sheet as one SVG file.

    Raises:
        RunWriteError: The file may not be written, or the disk is full.
    """
    charts = [
        chart(panel, sheet.steps, axis=sheet.axis) for panel in (sheet.panels[:1] if sheet.map else sheet.panels[:3])
    ]
    text = _environment().get_template("picture.svg.j2").render(
        sheet=sheet,
        charts=charts,
        colours=COLOURS,
        ways=[_path(way[:, 0], way[:, 1]) for way in sheet.ways],
        ends=[way[np.isfinite(way).all(axis=1)][-1].tolist() for way in sheet.ways],
    )  # fmt: skip
    return write_page(path, text, what="picture")


def chart(panel: Panel, steps: NDArray[np.int64], *, axis: str = "step") -> Chart:
    """Scale a panel's curves; a logarithmic axis shows at most fourteen decades."""
    at = steps.astype(np.float64) if panel.at is None else panel.at
    first, last = (0.0, float(steps[-1]) or 1.0) if panel.at is None else (float(at[0]), float(at[-1]))
    wide = panel.at is None and last > MANY
    xs = (np.log10(at + 1.0) / math.log10(last + 1) if wide else (at - first) / (last - first)) * WIDTH
    curves = [_scaled(curve.values, log=panel.log) for curve in panel.curves]
    every = np.concatenate([values[np.isfinite(values)] for values in curves] or [np.zeros(1)])
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    if panel.log:
        # What diverges leaves the picture upwards, for the others to be seen.
        starts = [values[np.isfinite(values)][0] for values in curves if np.isfinite(values).any()]
        high = max(min(high, max(starts, default=high) + ABOVE), low)
        low = max(low, high - DECADES)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    lines = tuple(
        (COLOURS[curve.method % len(COLOURS)], "5 3" if curve.dashed else "", _path(xs, ys))
        for curve, values in zip(panel.curves, curves, strict=True)
        for ys in [(high - np.clip(values, low, high)) / (high - low) * HEIGHT]
    )
    up = _decades(low, high, HEIGHT) if panel.log else marks(low, high, HEIGHT, count=4)
    return Chart(
        title=panel.title,
        axis=panel.axis or axis,
        lines=lines,
        across=_decades(0.0, math.log10(last + 1), WIDTH) if wide else marks(first, last, WIDTH),
        up=tuple(Mark(HEIGHT - mark.at, mark.text) for mark in up),
        last=last,
        wide=wide,
    )


def _scaled(values: Floats, *, log: bool) -> Floats:
    with np.errstate(all="ignore"):
        return np.where(values > 0, np.log10(values), np.nan) if log else values


def _decades(low: float, high: float, length: float) -> tuple[Mark, ...]:
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    every = max(1, math.ceil((last - first + 1) / 5))
    return tuple(
        Mark(round((p - low) / (high - low) * length, 1), f"1e{p}" if not -2 <= p <= 3 else f"{10.0**p:g}")
        for p in range(first, last + 1, every)
    )


def _path(xs: Floats, ys: Floats) -> str:
    """A path through the points that are finite; where some are not, it is broken."""
    words: list[str] = []
    pen = "M"
    for x, y in zip(np.asarray(xs).tolist(), np.asarray(ys).tolist(), strict=True):
        there = math.isfinite(x) and math.isfinite(y) and abs(x) < 1e6 and abs(y) < 1e6
        if there:
            words.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L" if there else "M"
    return "".join(words)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("unstuck.surfaces"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip

"""The page of several trainings: their curves over one another and their figures in a table, without any script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from unstuck.record.comparison import Chart, Comparison
from unstuck.report.axes import Axis, Tick
from unstuck.report.still_page import render_page, write_page

__all__ = ["render_comparison", "write_comparison"]

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 46
COLOURS = 8
"""Colours that are told apart; further lines are dashed."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A line in the units of the picture."""

    name: str
    number: int
    dashed: bool
    points: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A chart in the units of the picture."""

    chart: Chart
    paths: tuple[Trace, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    alternative: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Write the page.

    Raises:
        RunWriteError: The file may not be written.
    """
    return write_page(render_comparison(comparison), path)


def render_comparison(comparison: Comparison) -> str:
    """The page as text."""
    return render_page(
        "comparison.html.j2", comparison=comparison, pictures=[picture(chart) for chart in comparison.charts]
    )


def picture(chart: Chart) -> Picture:
    """Scale all lines to one pair of axes; on a logarithmic one, what is not positive is left out."""
    drawn = [
        [(x, y) for x, y in zip(strand.x, strand.y, strict=True) if math.isfinite(y) and (y > 0.0 or not chart.log)]
        for strand in chart.strands
    ]
    xs = [x for pairs in drawn for x, _ in pairs] or [1.0]
    ys = [y for pairs in drawn for _, y in pairs] or [1.0]
    across = Axis.over(xs, LEFT + 8, WIDTH - RIGHT - 8, log=False)
    up = Axis.over(ys, HEIGHT - BOTTOM - 6, TOP + 6, log=chart.log)
    paths: list[Trace] = []
    for number, (strand, pairs) in enumerate(zip(chart.strands, drawn, strict=True)):
        dots = tuple((across.at(x), up.at(y)) for x, y in pairs)
        paths.append(
            Trace(
                name=strand.name,
                number=number % COLOURS,
                dashed=number >= COLOURS,
                points=" ".join(f"{x},{y}" for x, y in dots),
                dots=dots if len(dots) <= 40 else (),
            )
        )
    return Picture(
        chart=chart,
        paths=tuple(paths),
        across=tuple(tick for tick in across.ticks() if not chart.counted or tick.text.lstrip("-").isdigit()),
        up=up.ticks(),
        alternative=f"{chart.title}, {len(paths)} lines: {chart.up} from {min(ys):.2g} to {max(ys):.2g}",
    )

"""The page of several trainings: their curves over one another and their figures in a table, without any script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from unstuck.record.comparison import Chart, Comparison
from unstuck.report.axes import Axis, Tick
from unstuck.report.still_page import render_page, write_page

__all__ = ["render_comparison", "write_chart", "write_comparison"]

WIDE, NARROW = (1040, 400), (520, 320)
"""Size of the first picture, which has the width of the page, and of the others, in pixels of a usual screen."""
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 46
COLOURS = 8
"""Colours that are told apart; further lines are dashed."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A line in the units of the picture."""

    name: str
    number: int
    dashed: bool
    reference: bool
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
    width: int
    height: int
    level: float | None
    beyond: str
    mark: float | None
    band: tuple[float, float] | None
    left: int = LEFT
    top: int = TOP

    @property
    def right(self) -> int:
        """Where the axis ends."""
        return self.width - RIGHT

    @property
    def bottom(self) -> int:
        """Where the axis lies."""
        return self.height - BOTTOM


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Write the page.

    Raises:
        RunWriteError: The file may not be written.
    """
    return write_page(render_comparison(comparison), path)


def render_comparison(comparison: Comparison) -> str:
    """The page as text."""
    return render_page(
        "comparison.html.j2",
        comparison=comparison,
        pictures=[picture(chart, NARROW if number else WIDE) for number, chart in enumerate(comparison.charts)],
    )


def write_chart(chart: Chart, path: Path) -> Path:
    """Write one chart as an SVG file.

    Raises:
        RunWriteError: The file may not be written.
    """
    return write_page(render_page("chart.svg.j2", picture=picture(chart, NARROW)), path)


def picture(chart: Chart, size: tuple[int, int] = WIDE) -> Picture:
    """Scale all lines to one pair of axes; on a logarithmic one, what is not positive is left out."""
    width, height = size
    drawn = [
        [(x, y) for x, y in zip(strand.x, strand.y, strict=True) if _shown(chart, x, y)] for strand in chart.strands
    ]
    top = math.inf if chart.top is None else chart.top
    xs = [x for pairs in drawn for x, _ in pairs] or [1.0]
    ys = [y for pairs in drawn for _, y in pairs] or [1.0]
    held = [min(y, top) for y in ys] + ([] if chart.level is None else [chart.level])
    across = Axis.over(xs, LEFT + 8, width - RIGHT - 8, log=chart.log_across)
    up = Axis.over(
        held if chart.top is None or chart.log else [0.0, *held], height - BOTTOM - 6, TOP + 6, log=chart.log
    )
    whole = chart.counted and not chart.log_across
    paths: list[Trace] = []
    for place, (strand, pairs) in enumerate(zip(chart.strands, drawn, strict=True)):
        dots = tuple((across.at(x), up.at(min(y, top))) for x, y in pairs)
        paths.append(
            Trace(
                name=strand.name,
                number=place % COLOURS,
                dashed=place >= COLOURS or strand.reference,
                reference=strand.reference,
                points=" ".join(f"{x},{y}" for x, y in dots),
                dots=dots if len(dots) <= 40 else (),
            )
        )
    return Picture(
        chart=chart,
        paths=tuple(paths),
        across=tuple(tick for tick in across.ticks() if not whole or tick.text.lstrip("-").isdigit()),
        up=up.ticks(),
        alternative=f"{chart.title}, {len(paths)} lines: {chart.up} from {min(ys):.2g} to {max(ys):.2g}",
        width=width,
        height=height,
        level=None if chart.level is None else up.at(chart.level),
        beyond=_beyond(chart, drawn, top),
        mark=None if chart.mark is None else across.at(chart.mark),
        band=None if chart.band is None else (across.at(chart.band[0]), across.at(chart.band[1])),
    )


def _shown(chart: Chart, x: float, y: float) -> bool:
    return math.isfinite(y) and (y > 0.0 or not chart.log) and (x > 0.0 or not chart.log_across)


def _beyond(chart: Chart, drawn: list[list[tuple[float, float]]], top: float) -> str:
    """Which lines leave the picture, and how far."""
    highest = {
        strand.name: max((y for _, y in pairs), default=0.0) for strand, pairs in zip(chart.strands, drawn, strict=True)
    }
    return ", ".join(f"{name} (to {value:.3g})" for name, value in highest.items() if value > top)

"""The page of the checks before a training: ticks and crosses with reasons, and the figures, without any script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from unstuck.record.checklist import Checklist, Curve
from unstuck.report.axes import Axis, Tick
from unstuck.report.bars import BARS_HEIGHT, BARS_WIDTH, rows
from unstuck.report.still_page import render_page, write_page

__all__ = ["render_checks", "write_checks"]

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 46
LABELS = 12
"""Names along an axis, at most; of more, every second or third is written."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A curve in the units of the picture."""

    curve: Curve
    points: str
    dots: tuple[tuple[float, float], ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    mark: float | None
    level: float | None
    slanted: bool
    alternative: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def write_checks(checklist: Checklist, path: Path) -> Path:
    """Write the page.

    Raises:
        RunWriteError: The file may not be written.
    """
    return write_page(render_checks(checklist), path)


def render_checks(checklist: Checklist) -> str:
    """The page as text."""
    return render_page(
        "checks.html.j2",
        checklist=checklist,
        headline=checklist.headline,
        figures={check.code: [figure(curve) for curve in check.curves] for check in checklist},
        rows={check.code: rows(check.histograms) for check in checklist},
        bars_width=BARS_WIDTH,
        bars_height=BARS_HEIGHT,
    )


def figure(curve: Curve) -> Figure:
    """Scale a curve to the picture; on a logarithmic axis, what is not positive is left out."""
    pairs = [
        (x, y)
        for x, y in zip(curve.x, curve.y, strict=True)
        if math.isfinite(y) and (y > 0.0 or not curve.log_y) and (x > 0.0 or not curve.log_x)
    ]
    xs = [x for x, _ in pairs] or [1.0]
    ys = [y for _, y in pairs] or [1.0]
    # A level far from all values would press them together; it is drawn where it is near.
    near = curve.level is not None and (curve.log_y or min(ys) <= curve.level <= 2.0 * max(ys))
    if near and curve.level and (curve.level > 0.0 or not curve.log_y):
        ys = [*ys, curve.level]
    across = Axis.over(xs, LEFT + 8, WIDTH - RIGHT - 8, log=curve.log_x)
    up = Axis.over(ys, HEIGHT - BOTTOM - 6, TOP + 6, log=curve.log_y)
    dots = tuple((round(across.at(x), 1), round(up.at(y), 1)) for x, y in pairs)
    return Figure(
        curve=curve,
        points=" ".join(f"{x},{y}" for x, y in dots),
        dots=dots if len(dots) <= 40 else (),
        across=_names(curve, across) if curve.labels else across.ticks(),
        up=up.ticks(),
        mark=across.at(curve.mark) if curve.mark is not None else None,
        level=up.at(curve.level) if near and curve.level is not None else None,
        slanted=bool(curve.labels),
        alternative=f"{curve.title}: {curve.up} from {min(ys):.2g} to {max(ys):.2g} over {curve.across}",
    )


def _names(curve: Curve, across: Axis) -> tuple[Tick, ...]:
    every = max(1, math.ceil(len(curve.labels) / LABELS))
    pairs = list(zip(curve.x, curve.labels, strict=True))[::every]
    return tuple(Tick(across.at(x), label if len(label) <= 16 else f"…{label[-15:]}") for x, label in pairs)

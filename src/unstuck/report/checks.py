"""The page of the checks before a training: ticks and crosses with reasons, and the figures, without any script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from unstuck._version import __version__
from unstuck.errors import RunWriteError
from unstuck.record.checklist import Checklist, Curve
from unstuck.report.bars import BARS_HEIGHT, BARS_WIDTH, rows

__all__ = ["render_checks", "write_checks"]

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 46
LABELS = 12
"""Names along an axis, at most; of more, every second or third is written."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render_checks(checklist), encoding="utf-8")
    except OSError as error:
        raise RunWriteError(f"{path}: the page cannot be written ({error.strerror}); choose another file") from error
    return path


def render_checks(checklist: Checklist) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("unstuck.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("checks.html.j2").render(
        checklist=checklist,
        headline=checklist.headline,
        figures={check.code: [figure(curve) for curve in check.curves] for check in checklist},
        rows={check.code: rows(check.histograms) for check in checklist},
        bars_width=BARS_WIDTH,
        bars_height=BARS_HEIGHT,
        styles=(files("unstuck.report") / "static" / "report.css").read_text(encoding="utf-8"),
        version=__version__,
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
    across = _Axis.over(xs, LEFT + 8, WIDTH - RIGHT - 8, log=curve.log_x)
    up = _Axis.over(ys, HEIGHT - BOTTOM - 6, TOP + 6, log=curve.log_y)
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


@dataclass(frozen=True, kw_only=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float
    log: bool

    @classmethod
    def over(cls, values: list[float], start: float, end: float, *, log: bool) -> _Axis:
        low, high = min(values), max(values)
        if log:
            low, high = math.log10(low), math.log10(high)
            low, high = math.floor(low + 1e-9), math.ceil(high - 1e-9)
        if high <= low:
            low, high = low - 0.5, high + 0.5
        return cls(low=low, high=high, start=start, end=end, log=log)

    def at(self, value: float) -> float:
        """Where a value lies in the picture."""
        position = math.log10(value) if self.log else value
        return round(self.start + (position - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Powers of ten, or about five round numbers."""
        if self.log:
            low, high = math.ceil(self.low), math.floor(self.high)
            every = max(1, math.ceil((high - low + 1) / 7))
            return tuple(Tick(self.at(10.0**p), f"1e{p}") for p in range(low, high + 1, every))
        size = 10.0 ** math.floor(math.log10((self.high - self.low) / 4.0))
        step = next(size * m for m in (1, 2, 5, 10) if (self.high - self.low) / (size * m) <= 5.0)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return tuple(Tick(self.at(n * step), f"{n * step:.3g}") for n in range(first, last + 1))


def _names(curve: Curve, across: _Axis) -> tuple[Tick, ...]:
    every = max(1, math.ceil(len(curve.labels) / LABELS))
    pairs = list(zip(curve.x, curve.labels, strict=True))[::every]
    return tuple(Tick(across.at(x), label if len(label) <= 16 else f"…{label[-15:]}") for x, label in pairs)

"""The loss over two keys, from above: between the tries it is taken to be linear, and nowhere else is it drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.optional import require
from unstuck.report.png import data_address
from unstuck.surfaces.contours import GRID, colours, contour, heights
from unstuck.sweep.axis import Axis
from unstuck.sweep.chosen import Tried
from unstuck.sweep.result import Result
from unstuck.sweep.scale import Scale
from unstuck.sweep.wording import outcome_words, setting_words

__all__ = ["HEIGHT", "WIDTH", "Landscape", "landscape"]

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 620, 420
LEAST = 4
"""Points that span a surface."""


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A try: where it lies, what it says, and whether it is the best, one of the others, or was stopped."""

    x: float
    y: float
    said: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """The picture.

    Attributes:
        image: The colours, as an address for the ``href`` of an image.
        lines: One path for each level of the loss.
        dots: The tries.
        axes: The two keys.
        across: Where something is written along the first, and what.
        up: The same of the second.
        low: The least loss.
        high: The largest that was drawn.
    """

    image: str
    lines: tuple[str, ...]
    dots: tuple[Dot, ...]
    axes: tuple[str, str]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    low: float
    high: float
    width: int = WIDTH
    height: int = HEIGHT


def landscape(result: Result) -> Landscape | None:
    """Draw the validation loss over the first two keys with ranges; None where the tries span no surface.

    Of tries that differ in further keys, or in their seed, the least loss at a place is drawn.
    """
    pair = [axis for axis in result.space.axes if axis.range is not None][:2]
    if len(pair) < 2:
        return None
    across, up = pair
    tried = [one for one in result.tried if {across.key, up.key} <= one.attempt.setting.keys()]
    if not tried:
        return None
    scales = (_scale(across, tried), _scale(up, tried))
    grid = _grid(_points(tried, scales))
    if grid is None:
        return None
    levels, ranks = heights(grid)
    finite = grid[np.isfinite(grid)]
    return Landscape(
        image=data_address(colours(ranks)),
        lines=tuple("".join(map(_path, contour(grid, level))) for level in levels.tolist()),
        dots=_dots(result, tried, scales),
        axes=(across.key, up.key),
        across=tuple((round(share * WIDTH, 1), text) for share, text in scales[0].ticks()),
        up=tuple((round((1 - share) * HEIGHT, 1), text) for share, text in scales[1].ticks()),
        low=math.exp(float(finite.min())),
        high=math.exp(float(finite.max())),
    )


def _scale(axis: Axis, tried: list[Tried]) -> Scale:
    return Scale.over(axis, [one.attempt.setting[axis.key] for one in tried])


def _points(tried: list[Tried], scales: tuple[Scale, Scale]) -> Floats:
    """Places and the logarithm of the least loss at each, shape (N, 3); all after the epochs that the shorter make."""
    least: dict[tuple[float, float], float] = {}
    shorter = [len(one.outcome.curve) for one in tried if one.attempt.share < 1.0 and not one.attempt.quick]
    epochs = max(shorter, default=None)
    for one in tried:
        losses = [loss for _, _, loss in one.outcome.curve[:epochs] if math.isfinite(loss)]
        loss = min(losses, default=math.nan)
        if one.attempt.quick or not (math.isfinite(loss) and loss > 0):
            continue
        place = _place(one, scales)
        least[place] = min(least.get(place, math.inf), math.log(loss))
    return np.array([(*place, loss) for place, loss in least.items()]).reshape(-1, 3)


def _grid(points: Floats) -> Floats | None:
    """The logarithm of the loss over a grid, shape (GRID, GRID), the bottom row first; NaN outside of the tries."""
    spread = points[:, :2] - points[:1, :2] if len(points) >= LEAST else np.zeros((0, 2))
    if not len(spread) or np.linalg.matrix_rank(spread, tol=1e-6) < 2:
        return None
    interpolate = require("scipy.interpolate", extra="train", purpose="the map of a sweep")
    x, y = np.meshgrid(np.linspace(0, 1, GRID), np.linspace(0, 1, GRID))
    return np.asarray(interpolate.griddata(points[:, :2], points[:, 2], (x, y), method="linear"), dtype=np.float64)


def _dots(result: Result, tried: list[Tried], scales: tuple[Scale, Scale]) -> tuple[Dot, ...]:
    best = result.best.setting if result.best else None
    dots: list[Dot] = []
    for one in tried:
        x, y = _place(one, scales)
        kind = "best" if one.attempt.setting == best else "kept" if one.outcome.kept else "stopped"
        said = f"{setting_words(result.space, one.attempt)}: {outcome_words(one.outcome)}"
        dots.append(Dot(x=round(x * WIDTH, 1), y=round((1 - y) * HEIGHT, 1), said=said, kind=kind))
    return tuple(sorted(dots, key=lambda dot: dot.kind == "best"))


def _place(one: Tried, scales: tuple[Scale, Scale]) -> tuple[float, float]:
    x, y = (scale.at(one.attempt.setting[scale.axis.key]) for scale in scales)
    return round(x, 6), round(y, 6)


def _path(line: Floats) -> str:
    points = np.column_stack([line[:, 0] * WIDTH, (1 - line[:, 1]) * HEIGHT])
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)

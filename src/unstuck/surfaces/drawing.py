"""Where things lie on the map of a race: contour lines as paths, colours as an image, marks on the axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.report.png import data_address
from unstuck.surfaces.contours import Relief
from unstuck.surfaces.surface import Point

__all__ = ["HEIGHT", "WIDTH", "Map", "Mark", "draw", "marks"]

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 620, 460


@dataclass(frozen=True)
class Mark:
    """A number on an axis."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Map:
    """A surface from above, in the units of the picture: from the top left, ``WIDTH`` by ``HEIGHT``.

    Attributes:
        image: The colours, as an address for the ``href`` of an image.
        lines: One path for each level.
        start: Where the race begins.
        minimum: The point of the lowest loss, where it is known and in sight.
        axes: What the two parameters are called.
        across: Marks along the axis to the right.
        up: Marks along the axis upwards.
        width: Of the picture.
        height: Of the picture.
    """

    image: str
    lines: tuple[str, ...]
    start: Point
    minimum: Point | None
    axes: tuple[str, str]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    width: int = WIDTH
    height: int = HEIGHT


def draw(relief: Relief, *, start: Point, axes: tuple[str, str], minimum: Point | None = None) -> Map:
    """The map of a surface."""
    left, right, low, high = relief.window

    def seen(point: Point | None) -> Point | None:
        if point is None or not (left <= point[0] <= right and low <= point[1] <= high):
            return None
        x, y = (point[0] - left) / (right - left) * WIDTH, (high - point[1]) / (high - low) * HEIGHT
        return round(x, 1), round(y, 1)

    return Map(
        image=data_address(relief.colours),
        lines=tuple("".join(map(_path, level)) for level in relief.lines),
        start=seen(start) or (0.0, 0.0),
        minimum=seen(minimum),
        axes=axes,
        across=marks(left, right, WIDTH),
        up=tuple(Mark(HEIGHT - mark.at, mark.text) for mark in marks(low, high, HEIGHT)),
    )


def marks(low: float, high: float, length: float, *, count: int = 6) -> tuple[Mark, ...]:
    """About ``count`` round numbers from low to high, where they lie on an axis of a length.

    Example:
        >>> [mark.text for mark in marks(-2.1, 2.0, 400)]
        ['-2', '-1', '0', '1', '2']
    """
    size = 10.0 ** math.floor(math.log10((high - low) / count))
    step = next(size * m for m in (1, 2, 5, 10) if (high - low) / (size * m) <= count)
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return tuple(Mark(round((n * step - low) / (high - low) * length, 1), f"{n * step:.6g}") for n in numbers)


def _path(line: Floats) -> str:
    points = np.column_stack([line[:, 0] * WIDTH, (1 - line[:, 1]) * HEIGHT])
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)

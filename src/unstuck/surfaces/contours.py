"""Contour lines and colours of a surface, from its values on a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import ArgumentError
from unstuck.surfaces.surface import Surface, Window

__all__ = ["GRID", "LEVELS", "RAMP", "Relief", "colours", "contour", "heights", "relief", "relief_of"]

Floats = NDArray[np.float64]
GRID = 141  #: points to a side
LEVELS = 16  #: parts that contour lines cut a surface into
RAMP = ((9, 61, 102), (58, 124, 165), (141, 187, 209), (213, 228, 232), (246, 240, 228), (240, 214, 182))
"""Colours from the lowest loss to the highest."""
Edge = tuple[int, int, int]  #: 0 for an edge along a row and 1 for one along a column, then row and column


@dataclass(frozen=True, kw_only=True)
class Relief:
    """How a surface looks from above.

    Attributes:
        window: From x, to x, from y, to y.
        levels: The losses of the contour lines.
        lines: For each level its lines, each of shape (N, 2), as shares of the window's width and height from below.
        ranks: The rank of the loss at each point, from 0 to 1, the bottom row first; NaN where the loss is not finite.
        colours: Red, green, blue, opacity, shape (rows, columns, 4), top row first; clear where not finite.
    """

    window: Window
    levels: tuple[float, ...]
    lines: tuple[tuple[Floats, ...], ...]
    ranks: Floats
    colours: NDArray[np.uint8]


def relief(surface: Surface, window: Window | None = None) -> Relief:
    """Draw a surface from above.

    Raises:
        ArgumentError: The loss is finite nowhere in the window.
    """
    left, right, low, high = window or surface.window
    values = surface.grid(np.linspace(left, right, GRID), np.linspace(low, high, GRID))
    return relief_of(values, (left, right, low, high), name=surface.name)


def relief_of(values: Floats, window: Window, *, name: str) -> Relief:
    """Draw values on a grid from above.

    Levels lie at quantiles of the loss over the window, denser towards low ones, so that each surface shows its shape
    whatever its scale; colours follow the rank of the loss.

    Args:
        values: The loss at each point, the bottom row first; NaN where it is not finite.
        window: From x, to x, from y, to y.
        name: What has these values, for the message.

    Raises:
        ArgumentError: The loss is finite nowhere.
    """
    left, right, low, high = window
    if not np.isfinite(values).any():
        raise ArgumentError(f"{name}: it is finite nowhere in the window {left:g},{right:g},{low:g},{high:g}")
    levels, ranks = heights(values)
    return Relief(
        window=(left, right, low, high),
        levels=tuple(levels.tolist()),
        lines=tuple(tuple(contour(values, level)) for level in levels),
        ranks=ranks,
        colours=colours(ranks),
    )


def heights(values: Floats) -> tuple[Floats, Floats]:
    """Levels of the contour lines of a grid of values, and the rank of each value from 0 to 1, NaN where not finite.

    Args:
        values: Some of them finite.
    """
    finite = np.sort(values[np.isfinite(values)])
    shares = (np.arange(1, LEVELS) / LEVELS) ** 2
    levels = np.unique(np.quantile(finite, shares))
    ranks = np.where(np.isfinite(values), np.searchsorted(finite, values) / max(len(finite) - 1, 1), np.nan)
    return levels, ranks


def contour(values: Floats, level: float) -> Iterator[Floats]:
    """The lines on which a grid of values crosses a level, by marching squares, values between points being linear.

    Args:
        values: Shape (rows, columns); cells with a value that is not finite are left out.
        level: The level.

    Yields:
        Each line as points of shape (N, 2): column and row as shares of the grid. A closed line ends where it began.

    Source: Maple, "Geometric design and space planning using the marching squares and marching cube algorithms" (2003).

    Example:
        >>> (line,) = contour(np.array([[0.0, 0.0], [1.0, 1.0]]), 0.25)
        >>> sorted(line.tolist())
        [[0.0, 0.25], [1.0, 0.25]]
    """
    rows, columns = values.shape
    corners = np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]])
    above = corners > level
    crossed = np.isfinite(corners).all(axis=0) & (above.any(axis=0) & ~above.all(axis=0))
    neighbours: dict[Edge, list[Edge]] = {}
    for i, j in np.argwhere(crossed).tolist():
        for start, end in _segments(above[:, i, j].tolist(), float(corners[:, i, j].mean()) > level, i, j):
            neighbours.setdefault(start, []).append(end)
            neighbours.setdefault(end, []).append(start)

    def place(edge: Edge) -> tuple[float, float]:
        along, i, j = edge
        first, second = values[i, j], values[i + along, j + 1 - along]
        share = (level - first) / (second - first)
        x, y = (j, i + share) if along else (j + share, i)
        return x / (columns - 1), y / (rows - 1)

    for line in _joined(neighbours):
        yield np.array([place(edge) for edge in line])


def _segments(above: Sequence[bool], middle: bool, i: int, j: int) -> list[tuple[Edge, Edge]]:
    """The crossings of one cell, in pairs; where two corners across are above, the middle says which pairs."""
    bottom, right, top, left = (0, i, j), (1, i, j + 1), (0, i + 1, j), (1, i, j)
    sides = [bottom, right, top, left]
    met = [side for k, side in enumerate(sides) if above[k] != above[(k + 1) % 4]]
    if len(met) == 2:
        return [(met[0], met[1])]
    return [(left, bottom), (right, top)] if above[0] != middle else [(bottom, right), (top, left)]


def _joined(neighbours: dict[Edge, list[Edge]]) -> Iterator[list[Edge]]:
    """Lines of edges that follow one another: open ones from an end, then closed ones."""
    left = {edge: list(others) for edge, others in neighbours.items()}
    for start in sorted(left, key=lambda edge: len(left[edge])):
        while left[start]:
            line = [start]
            while left[line[-1]]:
                here = line[-1]
                following = left[here].pop()
                left[following].remove(here)
                line.append(following)
            yield line


def colours(ranks: Floats) -> NDArray[np.uint8]:
    """The colours of ranks, the top row first; clear where they are not finite."""
    stops = np.linspace(0, 1, len(RAMP))
    channels = [np.interp(np.nan_to_num(ranks), stops, [stop[k] for stop in RAMP]) for k in range(3)]
    image = np.stack([*channels, np.where(np.isfinite(ranks), 255.0, 0.0)], axis=-1)
    return image[::-1].round().astype(np.uint8)

"""A surface of the user's own: a function f(x, y) that is found by its name."""

from __future__ import annotations

from unstuck.errors import ArgumentError
from unstuck.preflight.factory import import_function
from unstuck.spelling import unknown
from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.surface import Point, Surface, Window, define

__all__ = ["surface_of"]

START: Point = (1.0, 1.0)
AROUND = 3.0  #: how far the window reaches to each side of the start


def surface_of(target: str, *, start: Point | None = None, window: Window | None = None) -> Surface:
    """A surface that is shipped, or a function.

    Args:
        target: One of :data:`~unstuck.surfaces.catalogue.SURFACES`, or ``package.module:function``; the folder that one
            is in is searched first.
        start: Where a race begins, in place of the surface's own start; (1, 1) for a function.
        window: What is drawn: from x, to x, from y, to y; three to each side of the start for a function.

    Raises:
        ArgumentError: There is no such surface or function, it raises, its loss is not finite at the start, or the
            window is empty.
    """
    if window is not None and not (window[0] < window[1] and window[2] < window[3]):
        raise ArgumentError(f"window={','.join(f'{edge:g}' for edge in window)}: LEFT,RIGHT,LOW,HIGH is accepted")
    if ":" in target:
        x, y = start or START
        around = window or (x - AROUND, x + AROUND, y - AROUND, y + AROUND)
        return define(target.partition(":")[2], import_function(target), start=(x, y), window=around)
    if target not in SURFACES:
        message = unknown("SURFACE", target, SURFACES)
        raise ArgumentError(f"{message}, or your own function as package.module:function")
    known = SURFACES[target]
    return define(
        known.name,
        known.function,
        shows=known.shows,
        start=start or known.start,
        window=window or known.window,
        minimum=known.minimum,
        axes=known.axes,
    )

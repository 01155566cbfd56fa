"""The sheet of a landscape: the loss on a plane through a model's weights, or along a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unstuck.landscape import Line, Path, Plane
from unstuck.surfaces.contours import Relief, relief_of
from unstuck.surfaces.drawing import HEIGHT, WIDTH, draw
from unstuck.surfaces.page import Sheet
from unstuck.surfaces.panels import Curve, Panel

__all__ = ["sheet_of_line", "sheet_of_plane"]

Floats = NDArray[np.float64]
FINEST = 101  #: rows and columns of the grid that a page holds, at most


def sheet_of_plane(plane: Plane, *, line: Line | None = None, made_of: str, command: str) -> Sheet:
    """The sheet of a plane, with the path on it where there is one.

    Args:
        plane: The loss on the plane.
        line: The loss along a line, to be drawn beside it.
        made_of: What the page is made of.
        command: The command that makes it.

    Raises:
        ArgumentError: The loss is finite nowhere.
    """
    left, right, low, high = (float(edge) for edge in (plane.x[0], plane.x[-1], plane.y[0], plane.y[-1]))
    seen = relief_of(plane.losses, (left, right, low, high), name="loss")
    walked = plane.path
    points = np.zeros((1, 2)) if walked is None else walked.coordinates
    ends = (plane.centre,) if walked is None else (float(walked.losses[0]), float(walked.losses[-1]))
    on_map = (points - (left, high)) * (WIDTH / (right - left), -HEIGHT / (high - low))
    every = -(-max(plane.losses.shape) // FINEST)
    return Sheet(
        title="The loss around the weights" if walked is None else "The path of training over the loss",
        text=plane.caption,
        made_of=made_of,
        command=command,
        steps=np.arange(len(points)),
        axis="point of the path",
        heading="loss",
        row="path",
        names=("the weights",) if walked is None else (f"{walked.names[0]} to {walked.names[-1]}",),
        remarks=(" to ".join(map(_loss, ends)),),
        panels=(*(_beside(plane) if walked is None else _along(walked)), *_between(line)),
        map=draw(seen, start=(0.0, 0.0), axes=plane.axes, minimum=_lowest(plane)),
        ways=(on_map,),
        heights=_square(seen),
        losses=plane.losses[::every, ::every],
    )


def sheet_of_line(line: Line, *, made_of: str, command: str) -> Sheet:
    """The sheet of a line."""
    a, b = line.names
    return Sheet(
        title=f"The loss on the straight line from {a} to {b}",
        text=line.caption,
        made_of=made_of,
        command=command,
        steps=np.arange(1),
        heading="its ends",
        names=("loss",),
        remarks=(f"{_loss(line.ends[0])} at {a}, {_loss(line.ends[1])} at {b}; barrier {_loss(line.barrier)}",),
        panels=_between(line),
    )


def _along(path: Path) -> tuple[Panel, ...]:
    """The loss on the path and beneath it, and how far one is from the other."""
    share = path.off / path.length if path.length else path.off
    return (
        Panel(
            title="Loss on the path",
            read="Solid: the loss at the weights themselves; dashed: where the map shows them, on the plane. Where the "
            "two differ, do not trust the map.",
            curves=(
                Curve(method=0, values=path.losses, name="at the weights"),
                Curve(method=0, values=path.beneath, name="on the plane", dashed=True),
            ),
            log=_log(np.concatenate([path.losses, path.beneath])),
        ),
        Panel(
            title="Distance from the plane",
            read="As a share of the distance from the first weights to the last.",
            curves=(Curve(method=0, values=share),),
            log=False,
        ),
    )


def _beside(plane: Plane) -> tuple[Panel, ...]:
    """The loss along both axes, through the weights."""
    row, column = int(np.abs(plane.y).argmin()), int(np.abs(plane.x).argmin())
    curves = (
        Curve(method=0, values=plane.losses[row], name="first direction"),
        Curve(method=0, values=np.interp(plane.x, plane.y, plane.losses[:, column]), name="second", dashed=True),
    )
    return (
        Panel(
            title="Loss along the two directions",
            read="Through the weights, at 0: the first direction solid, the second dashed. 1 is a filter's own norm.",
            curves=curves,
            log=_log(plane.losses),
            at=plane.x,
            axis="filter norms",
        ),
    )


def _between(line: Line | None) -> tuple[Panel, ...]:
    if line is None:
        return ()
    a, b = line.names
    return (
        Panel(
            title=f"Loss on the straight line from {a} to {b}",
            read=f"{a[0].upper()}{a[1:]} is at 0 and {b} at 1, {line.distance:.3g} apart.",
            curves=(Curve(method=0, values=line.losses),),
            log=_log(line.losses),
            at=line.at,
            axis=f"share of the way from {a} to {b}",
        ),
    )


def _lowest(plane: Plane) -> tuple[float, float]:
    row, column = np.unravel_index(int(np.nanargmin(plane.losses)), plane.losses.shape)
    return float(plane.x[column]), float(plane.y[row])


def _square(seen: Relief) -> Floats:
    """Ranks on as many rows as columns, for the surface in three dimensions."""
    every = -(-max(seen.ranks.shape) // FINEST)
    return seen.ranks[::every, ::every]


def _log(losses: Floats) -> bool:
    return bool(np.nanmin(losses) > 0)


def _loss(value: float) -> str:
    return f"{value:.4g}"

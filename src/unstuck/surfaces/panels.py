"""Panels: curves against the step, of the same few steps for all, that the page draws and its player walks along."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.surfaces.race import Track

__all__ = ["Curve", "Panel", "frames", "panels_of", "rounded"]

Floats = NDArray[np.float64]
FRAMES = 700  #: steps that a page shows, at most
DENSE = 250  #: the first steps, each of which is shown
DIGITS = 6
ROOTS = ("square_avg", "exp_avg_sq", "max_exp_avg_sq", "sum")
"""States that hold squares of gradients."""
VELOCITIES = ("velocity", "momentum_buffer", "exp_avg", "average", "grad_avg")
"""States that hold a velocity or an average of gradients."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line of a panel.

    Attributes:
        method: The number of its method, which gives the colour.
        values: At the steps shown; NaN leaves a gap.
        name: What it is, where a method has several.
        dashed: Whether it is dashed, as those of the second parameter are.
        faint: Whether it stays in the background.
    """

    method: int
    values: Floats
    name: str = ""
    dashed: bool = False
    faint: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Curves on common axes.

    Attributes:
        title: What is drawn.
        read: How to read it.
        curves: The lines.
        log: Whether the axis upwards is logarithmic.
        at: Where the values lie, for a panel that is not drawn against the steps.
        axis: What that is called.
    """

    title: str
    read: str
    curves: tuple[Curve, ...]
    log: bool = True
    at: Floats | None = None
    axis: str = ""

    def data(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {
            "title": self.title,
            "log": self.log,
            "at": None if self.at is None else rounded(self.at),
            "axis": self.axis,
            "curves": [
                {"m": c.method, "name": c.name, "dashed": c.dashed, "faint": c.faint, "y": rounded(c.values)}
                for c in self.curves
            ],
        }


def frames(steps: int) -> NDArray[np.int64]:
    """The steps to show of a race: each of the first ones, then as many to each decade; the last one always.

    Example:
        >>> shown = frames(100_000)
        >>> shown[:3].tolist(), int(shown[-1]), len(shown) <= 700
        ([0, 1, 2], 100000, True)
    """
    if steps < FRAMES:
        return np.arange(steps + 1)
    sparse = np.geomspace(DENSE, steps, FRAMES - DENSE).round().astype(np.int64)
    return np.unique(np.concatenate([np.arange(DENSE), sparse]))


def panels_of(tracks: Sequence[Track], shown: NDArray[np.int64]) -> tuple[Panel, ...]:
    """Loss, gradient, step, effective rate and inner state of each method, where there are such."""
    across, up = tracks[0].surface.axes

    def one(values: Callable[[Track], Floats]) -> tuple[Curve, ...]:
        return tuple(Curve(method=k, values=values(track)[shown]) for k, track in enumerate(tracks))

    def two(values: Callable[[Track], Floats | None]) -> tuple[Curve, ...]:
        found = [(k, pair[shown]) for k, track in enumerate(tracks) if (pair := values(track)) is not None]
        return tuple(
            Curve(method=k, values=pair[:, i], name=name, dashed=bool(i))
            for k, pair in found
            for i, name in enumerate((across, up))
        )

    lowest = min(float(np.nanmin(track.losses)) for track in tracks)
    drawn = (
        Panel(title="Loss", read="What each method has reached.", curves=one(lambda t: t.losses), log=lowest >= 0),
        Panel(
            title="Gradient norm",
            read="A loss that no longer falls need not mean a small gradient: a method that bounces has a large one.",
            curves=one(lambda t: t.gradient_norms),
        ),
        Panel(title="Step length", read="How far each step moved.", curves=one(lambda t: t.lengths)),
        Panel(
            title="Effective rate",
            read=f"By what each derivative was multiplied to give the step: {across} solid, {up} dashed.",
            curves=two(lambda t: t.effective_rates),
        ),
        Panel(
            title="Root mean square",
            read=f"The size of past gradients by which the method divides: {across} solid, {up} dashed.",
            curves=two(_root),
        ),
        Panel(
            title="Velocity",
            read=f"The velocity, or the running average of gradients: {across} solid, {up} dashed.",
            curves=two(_velocity),
            log=False,
        ),
    )
    return tuple(panel for panel in drawn if panel.curves)


def rounded(values: Floats) -> list[float | None]:
    """Values in a few digits; None for those that are not finite, which JSON cannot say."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values.tolist()]


def _root(track: Track) -> Floats | None:
    name = next((name for name in ROOTS if name in track.states), None)
    if name is None:
        return None
    squares = track.states[name]
    count = np.arange(len(squares))[:, None] if track.entry.method == "mean-adagrad" else 1.0
    with np.errstate(all="ignore"):
        return np.sqrt(squares / count)


def _velocity(track: Track) -> Floats | None:
    name = next((name for name in VELOCITIES if name in track.states), None)
    return None if name is None else track.states[name]

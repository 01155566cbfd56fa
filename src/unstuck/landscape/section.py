"""What was found: the loss along a line, and on a plane, with the words that say what its axes are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Kind", "Line", "Path", "Plane"]

Floats = NDArray[np.float64]
Kind = Literal["filters", "path"]


@dataclass(frozen=True, kw_only=True)
class Line:
    r"""The loss along the straight line :math:`w(t) = (1 - t)\,a + t\,b`.

    Attributes:
        names: What the weights ``a`` and ``b`` are.
        distance: From one to the other.
        at: The places ``t``; 0 is ``a``, and 1 is ``b``.
        losses: The loss at each; NaN where it is not finite.
        ends: The loss at ``a`` and at ``b`` themselves.
        notes: How it was computed.
        seconds: How long it took.
    """

    names: tuple[str, str]
    distance: float
    at: Floats
    losses: Floats
    ends: tuple[float, float]
    notes: tuple[str, ...]
    seconds: float

    @property
    def barrier(self) -> float:
        r"""How far the loss between the ends rises above the straight line between their losses; 0 where it does not.

        Source: Frankle et al., "Linear mode connectivity and the lottery ticket hypothesis" (2020), section 2.
        """
        between = (self.at >= 0) & (self.at <= 1) & np.isfinite(self.losses)
        above = self.losses - ((1 - self.at) * self.ends[0] + self.at * self.ends[1])
        return max(float(above[between].max(initial=0.0)), 0.0)

    @property
    def caption(self) -> str:
        """What is seen, what the axis means, and how it was computed."""
        a, b = self.names
        over = f"rises {self.barrier:.3g} above" if self.barrier > 1e-6 * (1 + max(self.ends)) else "stays below"
        said = (
            f"The loss on the straight line through the weights at {a} (0) and at {b} (1), which lie "
            f"{self.distance:.3g} apart. It is {self.ends[0]:.4g} at {a} and {self.ends[1]:.4g} at {b}; between them "
            f"it {over} the straight line from one loss to the other."
        )
        return " ".join((said, *_missing(self.losses), *self.notes))

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data for JSON; None for a loss that is not finite."""
        return {
            "kind": "line",
            "names": list(self.names),
            "distance": self.distance,
            "at": self.at.tolist(),
            "losses": _plain(self.losses),
            "ends": list(self.ends),
            "barrier": self.barrier,
            "notes": list(self.notes),
            "seconds": self.seconds,
        }


@dataclass(frozen=True, kw_only=True)
class Path:
    """A training's way, laid on a plane.

    Attributes:
        names: What each point is, such as ``"epoch 3"``.
        coordinates: Where its foot lies on the plane, shape (K, 2).
        off: How far it lies from the plane, shape (K,).
        losses: The loss there, not at its foot, shape (K,).
        beneath: The loss at its foot, shape (K,).
        length: The distance from the first to the last.
    """

    names: tuple[str, ...]
    coordinates: Floats
    off: Floats
    losses: Floats
    beneath: Floats
    length: float


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The loss on a plane through the weights.

    Attributes:
        kind: ``"filters"``: random directions as large as the filters; ``"path"``: the first two principal components
            of a path.
        x: Places to the right; 0 is at the weights that the plane goes through.
        y: Places upwards.
        losses: Shape (len(y), len(x)); NaN where the loss is not finite.
        centre: The loss at the weights.
        explained: The shares of the path's variance along both axes; None without a path.
        path: The path; None without one.
        seed: Of the random directions.
        notes: How it was computed.
        seconds: How long it took.
    """

    kind: Kind
    x: Floats
    y: Floats
    losses: Floats
    centre: float
    explained: tuple[float, float] | None
    path: Path | None
    seed: int
    notes: tuple[str, ...]
    seconds: float

    @property
    def axes(self) -> tuple[str, str]:
        """What the two axes are called."""
        if self.explained is None:
            return "first random direction, in filter norms", "second random direction, in filter norms"
        first, second = (f"{share:.1%} of the variance" for share in self.explained)
        return f"first principal component ({first}), distance", f"second ({second}), distance"

    @property
    def caption(self) -> str:
        """What is seen, what the axes mean, how much variance the plane explains, and how it was computed."""
        low, high = float(np.nanmin(self.losses)), float(np.nanmax(self.losses))
        seen = f"The loss goes from {low:.4g} to {high:.4g}."
        return " ".join((self._axes(), seen, *_missing(self.losses), *self.notes))

    def _axes(self) -> str:
        if self.explained is None or self.path is None:
            return (
                f"Two random directions (seed {self.seed}) from the weights at 0, 0, where the loss is "
                f"{self.centre:.4g}. At 1 each filter has been moved by its own norm; biases and the weights of "
                "normalisation layers stay. Another seed gives another plane, and mostly the same shape."
            )
        both = sum(self.explained)
        off = float(self.path.off.max() / self.path.length) if self.path.length else math.inf
        return (
            f"The plane through the last weights, 0, 0, in the directions in which the path of {len(self.path.names)} "
            f"points varies most: it explains {both:.1%} of the path's variance ({self.explained[0]:.1%} and "
            f"{self.explained[1]:.1%}). Axes are distances between weights; from the first to the last it is "
            f"{self.path.length:.3g}. The path is drawn where it falls on the plane; its points lie up to {off:.0%} of "
            "that distance beside it, where the loss is another."
        )

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data for JSON; None for a loss that is not finite."""
        path = self.path and {
            "names": list(self.path.names),
            "coordinates": self.path.coordinates.tolist(),
            "off": self.path.off.tolist(),
            "losses": _plain(self.path.losses),
            "beneath": _plain(self.path.beneath),
            "length": self.path.length,
        }
        return {
            "kind": self.kind,
            "axes": list(self.axes),
            "x": self.x.tolist(),
            "y": self.y.tolist(),
            "losses": [_plain(row) for row in self.losses],
            "centre": self.centre,
            "explained": self.explained and list(self.explained),
            "path": path,
            "notes": list(self.notes),
            "seconds": self.seconds,
        }


def _missing(losses: Floats) -> tuple[str, ...]:
    gone = int(np.isnan(losses).sum())
    return (f"At {gone:,} of {losses.size:,} points it is not finite: they are left blank.",) if gone else ()


def _plain(values: Floats) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values.tolist()]

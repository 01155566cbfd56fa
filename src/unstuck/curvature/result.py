"""What was measured at a point: plain data, for Python, JSON and the terminal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from unstuck.curvature.critical import Kind, Point
from unstuck.curvature.density import Density
from unstuck.curvature.escape import Trial
from unstuck.curvature.extremes import Eigenpair
from unstuck.curvature.rate import RateLimit
from unstuck.curvature.trace import Trace

__all__ = ["Block", "Curvature"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block on the diagonal of the Hessian.

    Attributes:
        name: The layer, or the parameter.
        parameters: Weights in it.
        largest: Its largest eigenvalue.
        smallest: Its smallest.
    """

    name: str
    parameters: int
    largest: Eigenpair
    smallest: Eigenpair


@dataclass(frozen=True, kw_only=True)
class Curvature:
    """Gradient, spectrum and largest stable rate at a point.

    Attributes:
        kind: What kind of point it is.
        point: Loss, gradient with its noise, and the numbers that decided on the kind.
        largest: The largest eigenvalues of the Hessian, descending.
        smallest: The smallest, ascending.
        trace: The sum of all.
        density: How they are spread.
        blocks: The ends of the spectrum of each block.
        rate: The largest stable rate, beside the one in use.
        escape: The loss along the way out: down the gradient, or along the direction of the smallest eigenvalue.
        parameters: Weights that were differentiated by.
        batches: Batches that the loss is the mean of.
        notes: What was done to get there.
        products: Hessian products made.
        seconds: How long it took.
    """

    kind: Kind
    point: Point
    largest: tuple[Eigenpair, ...]
    smallest: tuple[Eigenpair, ...]
    trace: Trace
    density: Density
    blocks: tuple[Block, ...]
    rate: RateLimit
    escape: Trial
    parameters: int
    batches: int
    notes: tuple[str, ...]
    products: int
    seconds: float

    @property
    def negative(self) -> float:
        """The share of the eigenvalues that are below zero beyond doubt, by the density."""
        return self.density.share(high=-self.point.uncertainty)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the vectors, as plain data for JSON."""
        slope, escape, rate = self.point.slope, self.escape, self.rate
        return {
            "schema": 1,
            "kind": self.kind,
            "loss": self.point.loss,
            "gradient": {
                "norm": slope.norm,
                "noise": slope.noise,
                "ratio": _finite(slope.ratio),
                "from": slope.batches,
            },
            "largest": [_pair(pair) for pair in self.largest],
            "smallest": [_pair(pair) for pair in self.smallest],
            "trace": {"value": self.trace.value, "error": self.trace.error, "probes": self.trace.probes},
            "negative": self.negative,
            "density": {"values": self.density.values, "weights": self.density.weights},
            "blocks": [
                {
                    "name": block.name,
                    "parameters": block.parameters,
                    "largest": _pair(block.largest),
                    "smallest": _pair(block.smallest),
                }
                for block in self.blocks
            ],
            "rate": {
                "largest": _finite(rate.largest),
                "used": rate.use.rate if rate.use else None,
                "method": rate.use.method if rate.use else None,
                "share": _finite(rate.share),
                "warning": rate.warning,
            },
            "escape": {
                "lengths": escape.lengths,
                "losses": [_finite(loss) for loss in escape.losses],
                "moved": dict(escape.moved),
                "direction": escape.direction,
            },
            "parameters": self.parameters,
            "batches": self.batches,
            "notes": self.notes,
            "products": self.products,
            "seconds": self.seconds,
        }


def _pair(pair: Eigenpair) -> dict[str, float]:
    return {"value": pair.value, "residual": pair.residual}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

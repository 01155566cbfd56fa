from __future__ import annotations

import pytest
import torch

from unstuck.curvature import Eigenpair, Kind, Point, Slope, kind_of


def point(norm: float, noise: float | None, smallest: float, residual: float = 1e-6, largest: float = 4.0) -> Point:
    ends = (Eigenpair(value=value, residual=residual, vector=torch.ones(1)) for value in (largest, smallest))
    slope = Slope(norm=norm, noise=noise, batches=16, limit=2.0)
    return Point(loss=1.0, weights=10.0, slope=slope, largest=next(ends), smallest=next(ends))


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (point(1.0, 0.4, 1.0), "no critical point"),
        (point(1.0, 0.6, 1.0), "local minimum"),
        (point(1.0, 0.6, -1.0), "saddle point"),
        (point(1e-2, None, 1.0), "no critical point"),
        (point(9e-8, None, 1.0), "local minimum"),
        (point(9e-8, 1e-12, 1.0), "local minimum"),
        (point(0.0, 0.0, -1.9e-6), "flat"),
        (point(0.0, 0.0, -2.1e-6), "saddle point"),
        (point(0.0, 0.0, 1.9e-6), "flat"),
        (point(0.0, 0.0, 2.1e-6), "local minimum"),
        (point(0.0, 0.0, -2.0, largest=-1.0), "local maximum"),
        (point(0.0, 0.0, 0.0, residual=0.0, largest=0.0), "plateau"),
    ],
)
def test_the_gradient_decides_first_then_the_ends_of_the_spectrum(made: Point, kind: Kind) -> None:
    assert kind_of(made) == kind

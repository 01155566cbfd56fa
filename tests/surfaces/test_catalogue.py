from __future__ import annotations

import numpy as np
import pytest
import torch

from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.kernel import compile_surface


def hessian(surface, at):
    point = torch.tensor(at, dtype=torch.float64)
    return torch.autograd.functional.hessian(lambda p: surface.function(p[0], p[1]), point)


@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
def test_start_and_minimum_lie_in_the_window_and_the_minimum_is_one(surface):
    left, right, low, high = surface.window
    assert surface.slopes == "exact"
    assert surface.shows.endswith(".")
    for x, y in filter(None, (surface.start, surface.minimum)):
        assert left < x < right
        assert low < y < high
    if surface.minimum:
        grid = surface.grid(np.linspace(left, right, 81), np.linspace(low, high, 81))
        assert surface.loss(*surface.minimum) <= np.nanmin(grid)
        height, _ = compile_surface(surface)
        assert np.linalg.norm(height(*surface.minimum)[1:]) < 1e-5 * np.linalg.norm(height(*surface.start)[1:])


@pytest.mark.parametrize(
    ("name", "at", "eigenvalues"),
    [
        ("rosenbrock", (1.0, 1.0), (0.399361, 1001.6006)),
        ("saddle", (0.0, 0.0), (-2.0, 2.0)),
        ("regression", (0.0, 0.0), (5.573477, 1746830.43)),
        ("bowl", (0.0, 0.0), (1.0, 20.0)),
        ("valley", (0.0, 0.0), (1.0, 1000.0)),
    ],
)
def test_curvature_is_the_known_one(name, at, eigenvalues):
    found = torch.linalg.eigvalsh(hessian(SURFACES[name], at)).tolist()
    assert found == pytest.approx(eigenvalues, rel=1e-5)


def test_the_corner_of_the_l_is_a_local_minimum_and_no_global_one():
    surface = SURFACES["local-minimum"]
    corner, end = (0.5**0.5, 0.5**0.5), (2.6861407, 0.1861407)
    for at in (corner, end):
        assert torch.linalg.eigvalsh(hessian(surface, at)).min() > 0
        height, _ = compile_surface(surface)
        assert height(*at)[1:] == pytest.approx((0, 0), abs=1e-5)
    assert surface.loss(*end) < surface.loss(*corner)

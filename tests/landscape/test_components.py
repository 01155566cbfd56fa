"""Principal components against the singular value decomposition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.landscape import components


def walk(steps: int = 20, size: int = 300) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return list(torch.randn(steps, size, generator=generator, dtype=torch.float64).cumsum(0))


def test_against_the_singular_value_decomposition():
    path = walk()
    found = components(path)
    points = torch.stack(path)
    _, s, v = torch.linalg.svd(points - points.mean(0), full_matrices=False)
    shares = (s**2 / (s**2).sum()).numpy()
    np.testing.assert_allclose(found.explained, shares[:2], rtol=1e-10)
    for mine, theirs in zip(found.directions, v, strict=False):
        assert abs(float(mine @ theirs)) == pytest.approx(1.0, abs=1e-10)
    apart = points - points[-1]
    feet = apart @ found.directions.T
    np.testing.assert_allclose(found.coordinates, feet.numpy(), atol=1e-9)
    np.testing.assert_allclose(found.off, (apart - feet @ found.directions).norm(dim=1).numpy(), atol=1e-9)
    assert found.coordinates[-1].tolist() == [0.0, 0.0]
    assert found.coordinates[0, 0] < 0
    assert found.length == pytest.approx(float(apart[0].norm()))


def test_a_path_in_a_plane_is_explained_whole():
    basis = torch.linalg.qr(torch.randn(50, 2, dtype=torch.float64))[0].T
    found = components([torch.tensor([t, t**2], dtype=torch.float64) @ basis for t in range(5)])
    assert sum(found.explained) == pytest.approx(1.0)
    np.testing.assert_allclose(found.off, 0.0, atol=1e-9)


def test_identical_points_are_refused():
    with pytest.raises(ArgumentError, match="identical"):
        components([torch.ones(9)] * 4)


@pytest.mark.parametrize("count", [2, 5])
def test_points_on_a_line_are_refused(count):
    with pytest.raises(ArgumentError, match="on one line"):
        components([torch.linspace(0, 1, 9) * k for k in range(count)])

from __future__ import annotations

import sys

import pytest
import torch

from unstuck.curvature import extremes
from unstuck.errors import MissingPackageError


def matrix(size: int) -> torch.Tensor:
    root = torch.randn(size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return root + root.T


@pytest.mark.parametrize("size", [1, 3, 32, 33, 150])
def test_both_ends_with_residuals(size: int) -> None:
    large = matrix(size)
    exact = torch.linalg.eigvalsh(large)
    found = extremes(lambda v: large @ v, size, count=4)
    count = min(4, size)
    assert [p.value for p in found.smallest] == pytest.approx(exact[:count].tolist(), rel=1e-9)
    assert [p.value for p in found.largest] == pytest.approx(exact.flip(0)[:count].tolist(), rel=1e-9)
    for pair in (*found.largest, *found.smallest):
        residual = float((large @ pair.vector - pair.value * pair.vector).norm())
        assert pair.residual == pytest.approx(residual, abs=1e-12)
    assert found.all_known == (count == size)


def test_a_bottom_of_zeros_is_found_to_the_precision_of_the_whole() -> None:
    diagonal = torch.cat([torch.zeros(200), torch.tensor([-1e-5]), torch.linspace(1, 100, 50)]).double()
    found = extremes(lambda v: diagonal * v, len(diagonal), count=1)
    assert found.smallest[0].value == pytest.approx(-1e-5, abs=1e-9)


def test_a_residual_bounds_the_error_where_restarts_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["unstuck.curvature.extremes"], "RESTARTS", 1)
    diagonal = torch.linspace(0, 1, 3000).double()
    found = extremes(lambda v: diagonal * v, 3000, count=1)
    pair = found.largest[0]
    assert 0.9 < pair.value <= 1.0
    assert float((diagonal - pair.value).abs().min()) <= pair.residual


def test_no_curvature_at_all() -> None:
    found = extremes(lambda v: 0.0 * v, 100, count=2)
    assert [(p.value, p.residual) for p in (*found.largest, *found.smallest)] == [(0.0, 0.0)] * 4


def test_scipy_is_missed_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    with pytest.raises(MissingPackageError, match=r"scipy is needed for eigenvalues.*unstuck\[train\]"):
        extremes(lambda v: v, 100, count=1)

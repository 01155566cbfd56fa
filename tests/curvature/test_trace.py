from __future__ import annotations

import pytest
import torch

from unstuck.curvature import trace


def test_few_weights_have_it_exactly() -> None:
    found = trace(lambda v: torch.arange(5.0).double() * v, 5, probes=5)
    assert (found.value, found.error, found.probes) == (10.0, 0.0, 5)


def test_its_standard_error_is_honest() -> None:
    """Of 40 estimates the errors over their standard errors have a spread of about one, and no bias."""
    root = torch.randn(60, 60, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    matrix = root + root.T
    exact = float(matrix.trace())
    found = [trace(lambda v: matrix @ v, 60, probes=20, seed=seed) for seed in range(40)]
    errors = torch.tensor([(one.value - exact) / one.error for one in found])
    assert float(errors.std()) == pytest.approx(1.0, abs=0.35)
    assert abs(float(errors.mean())) < 0.5

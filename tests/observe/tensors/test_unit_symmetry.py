from __future__ import annotations

import torch

from unstuck.observe.tensors.unit_symmetry import unit_spread


def spread(weights: torch.Tensor) -> float:
    result = unit_spread([weights])
    assert result is not None
    return float(result[0])


def test_copies_in_rows_or_in_columns_have_no_spread() -> None:
    row = torch.randn(1, 7)
    assert spread(row.repeat(5, 1)) < 1e-6
    assert spread(row.t().repeat(1, 5)) < 1e-6
    assert spread(torch.zeros(4, 3)) == 0.0
    assert spread(torch.full((4, 3, 3, 3), 0.1)) < 1e-6


def test_it_is_the_definition() -> None:
    weights = torch.randn(6, 4, dtype=torch.float64)
    size = weights.norm()
    expected = min((weights - weights.mean(axis, keepdim=True)).norm() / size for axis in (0, 1))
    assert abs(spread(weights) - float(expected)) < 1e-6


def test_single_units_biases_and_embeddings_of_one_are_not_compared() -> None:
    result = unit_spread([torch.zeros(5), torch.zeros(1, 5), torch.zeros(5, 1), torch.zeros(3, 3, dtype=torch.long)])
    assert result is not None
    assert result.isnan().all()
    assert unit_spread([]) is None

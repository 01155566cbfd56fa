from __future__ import annotations

import pytest
import torch

from unstuck.second_order import lanczos


def symmetric(size: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return matrix + matrix.T


def test_all_rounds_find_the_whole_spectrum() -> None:
    matrix = symmetric(12)
    found = lanczos(lambda v: matrix @ v, torch.ones(12), rounds=12)
    torch.testing.assert_close(found.values, torch.linalg.eigvalsh(matrix))
    vectors = found.vectors()
    torch.testing.assert_close(matrix @ vectors, vectors * found.values)


def test_few_rounds_find_the_ends_and_stay_within() -> None:
    matrix = symmetric(200)
    spectrum = torch.linalg.eigvalsh(matrix)
    found = lanczos(lambda v: matrix @ v, torch.ones(200), rounds=40)
    assert spectrum[0] <= found.values[0] <= 0.99 * spectrum[0]
    assert 0.99 * spectrum[-1] <= found.values[-1] <= spectrum[-1]


def test_the_weights_are_those_of_gauss() -> None:
    """The quadrature is exact for polynomials up to degree 2m - 1."""
    matrix, start = symmetric(30), torch.ones(30, dtype=torch.float64) / 30**0.5
    found = lanczos(lambda v: matrix @ v, start, rounds=4)
    for power in range(8):
        exact = float(start @ torch.linalg.matrix_power(matrix, power) @ start)
        assert float(found.weights @ found.values**power) == pytest.approx(exact, rel=1e-9)


def test_an_invariant_space_ends_it() -> None:
    matrix = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    assert lanczos(lambda v: matrix @ v, torch.tensor([0.0, 1.0, 0.0]), rounds=3).values.tolist() == [2.0]
    assert lanczos(lambda v: 0.0 * v, torch.ones(3), rounds=3).values.tolist() == [0.0]

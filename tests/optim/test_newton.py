from __future__ import annotations

import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.optim import Newton


def test_ill_conditioned_regression_takes_a_few_steps() -> None:
    """Gradient descent takes 100,000 steps and is at (-149, 2.56) by then."""
    x = torch.tensor([338.0, 333, 328, 207, 226, 25, 179, 60, 208, 606], dtype=torch.float64)
    y = torch.tensor([640.0, 633, 619, 393, 428, 27, 193, 66, 226, 1591], dtype=torch.float64)
    w = nn.Parameter(torch.tensor([-120.0, -4.0], dtype=torch.float64))
    optimizer = Newton([w])
    for _ in range(3):
        optimizer.step(lambda: ((w[0] + w[1] * x - y) ** 2).sum())
    assert w.tolist() == pytest.approx([-188.433197, 2.669455], abs=1e-5)


def test_rosenbrock_takes_few_steps() -> None:
    w = nn.Parameter(torch.tensor([-1.2, 1.0], dtype=torch.float64))
    optimizer = Newton([w])
    for _ in range(30):
        optimizer.step(lambda: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2)
    assert w.tolist() == pytest.approx([1.0, 1.0], abs=1e-6)


def test_it_leaves_a_saddle_on_the_side_of_the_gradient() -> None:
    w = nn.Parameter(torch.tensor([1e-3, 1e-3], dtype=torch.float64))
    optimizer = Newton([w])
    for _ in range(20):
        optimizer.step(lambda: (1 - w[0] * w[1]) ** 2)
    assert float((w[0] * w[1]).detach()) == pytest.approx(1.0, abs=1e-6)


def test_without_damping_it_solves_a_quadratic_at_once() -> None:
    root = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    matrix, right = root @ root.T + torch.eye(6, dtype=torch.float64), torch.ones(6, dtype=torch.float64)
    w = nn.Parameter(torch.zeros(6, dtype=torch.float64))
    Newton([w], damping=0.0).step(lambda: 0.5 * w @ matrix @ w - right @ w)
    torch.testing.assert_close(w.detach(), torch.linalg.solve(matrix, right))


def test_too_many_weights_are_refused_with_what_to_take() -> None:
    w = nn.Parameter(torch.ones(2001))
    with pytest.raises(ArgumentError, match=r"params: 2,001 weights; at most 2,000 .* take HessianFree"):
        Newton([w]).step(lambda: (w**2).sum())

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.autograd.curvature import curvature


def hessian(loss: Tensor, weights: list[Tensor]) -> Tensor:
    """Entry by entry, in double precision: slow and obvious."""
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    rows = [torch.autograd.grad(entry, weights, retain_graph=True, materialize_grads=True) for entry in flat]
    return torch.stack([torch.cat([part.reshape(-1) for part in row]) for row in rows]).double()


@pytest.mark.parametrize("seed", range(3))
def test_extremes_are_those_of_the_whole_hessian(seed: int) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)).double()
    weights = list(model.parameters())
    loss = (model(torch.randn(20, 4).double()) - torch.randn(20, 2).double()).square().mean()
    found = curvature(loss, weights, rounds=44)
    spectrum = torch.linalg.eigvalsh(hessian(loss, weights))
    assert found is not None
    assert found.least == pytest.approx(float(spectrum[0]), abs=1e-8 * float(spectrum[-1]))
    assert found.greatest == pytest.approx(float(spectrum[-1]), rel=1e-8)
    few = curvature(loss, weights, rounds=5)
    assert few is not None
    assert float(spectrum[0]) <= few.least <= few.greatest <= float(spectrum[-1]) * (1 + 1e-9)


def test_graph_gradients_and_generator_are_left_alone() -> None:
    weight = torch.randn(3, requires_grad=True)
    loss = weight.tanh().sum()
    state = torch.get_rng_state()
    curvature(loss, [weight])
    assert weight.grad is None
    assert torch.equal(torch.get_rng_state(), state)
    loss.backward()
    assert weight.grad is not None


@pytest.mark.parametrize("make", [lambda w: 3.0 * w.sum(), lambda w: (w * torch.zeros(4)).sum()])
def test_a_plane_has_no_curvature(make: object) -> None:
    found = curvature(make(torch.ones(4, requires_grad=True)), [torch.ones(4, requires_grad=True)])  # type: ignore[operator]
    assert found is not None
    assert (found.least, found.greatest) == (0.0, 0.0)


def test_what_cannot_be_differentiated_twice_has_none() -> None:
    queries = torch.randn(1, 1, 4, 8, requires_grad=True)
    attended = nn.functional.scaled_dot_product_attention(queries, queries, queries)  # a fused kernel
    assert curvature(attended.sum(), [queries]) is None

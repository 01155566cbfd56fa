from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.autograd.curvature import curvature, curvature_along_gradient


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


def dense(loss: Callable[[Tensor], Tensor], point: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient and Hessian, entry by entry."""
    gradient = torch.autograd.functional.jacobian(loss, point)
    hessian = torch.autograd.functional.hessian(loss, point)
    assert isinstance(gradient, Tensor)
    assert isinstance(hessian, Tensor)
    return gradient, hessian


def test_it_is_that_of_the_dense_hessian() -> None:
    torch.manual_seed(0)
    factors = torch.randn(5, 5, dtype=torch.float64)

    def loss(weights: Tensor) -> Tensor:
        return (factors @ weights).square().sum() + weights.sin().prod()

    point = torch.randn(5, dtype=torch.float64, requires_grad=True)
    gradient, hessian = dense(loss, point.detach())
    expected = float((hessian @ gradient).norm() / gradient.norm())
    assert curvature_along_gradient(loss(point), [point]) == pytest.approx(expected)


@pytest.mark.parametrize("start", [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -40.0)])
def test_it_lies_between_the_curvature_along_the_gradient_and_the_greatest_eigenvalue(
    start: tuple[float, float],
) -> None:
    eigenvalues = torch.tensor([3.0, 50.0])
    point = torch.tensor(start, requires_grad=True)
    gradient = eigenvalues * point.detach()
    along = float(gradient @ (eigenvalues * gradient) / (gradient @ gradient))
    curvature = curvature_along_gradient((eigenvalues / 2 * point**2).sum(), [point])
    assert curvature is not None
    assert along * (1 - 1e-6) <= curvature <= 50.0 * (1 + 1e-6)


def test_the_graph_and_the_gradients_are_left_as_they_were() -> None:
    torch.manual_seed(0)
    model, inputs = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)), torch.randn(6, 4)
    loss = model(inputs).square().mean()
    assert curvature_along_gradient(loss, list(model.parameters())) is not None
    assert all(parameter.grad is None for parameter in model.parameters())
    loss.backward()
    taken = [parameter.grad for parameter in model.parameters()]
    expected = torch.autograd.grad(model(inputs).square().mean(), list(model.parameters()))
    assert all(one is not None and torch.equal(one, other) for one, other in zip(taken, expected, strict=True))


class OnceDifferentiable(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        return x * 2.0

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, *grad_outputs: Tensor) -> Tensor:
        return grad_outputs[0] * 2.0


def test_without_second_derivatives_there_is_none() -> None:
    weight = torch.ones(3, requires_grad=True)
    assert curvature_along_gradient((weight * 2.0).sum(), [weight]) is None
    assert curvature_along_gradient(OnceDifferentiable.apply(weight).square().sum(), [weight]) is None

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call, hessian

from unstuck.second_order import Hessian, flat


# torch.func.hessian loads what it calls deprecated itself.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_products_are_those_of_the_whole_matrix() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x, y = torch.randn(6, 3).double(), torch.randint(0, 2, (6,))
    names = [name for name, _ in model.named_parameters()]
    shapes = [p.shape for p in model.parameters()]

    def value(row: torch.Tensor) -> torch.Tensor:
        parts = row.split([s.numel() for s in shapes])
        state = {n: p.reshape(s) for n, p, s in zip(names, parts, shapes, strict=True)}
        return nn.functional.cross_entropy(functional_call(model, state, (x,)), y)

    point = flat(p.detach() for p in model.parameters())
    matrix = hessian(value)(point)
    products = Hessian(nn.functional.cross_entropy(model(x), y), list(model.parameters()))
    vector = torch.randn_like(point)
    torch.testing.assert_close(products(vector), matrix @ vector)


def test_what_the_loss_does_not_depend_on_has_zeros() -> None:
    used, unused = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    products = Hessian((used**3).sum(), [used, unused])
    assert products(torch.ones(5)).tolist() == [6.0, 6.0, 0.0, 0.0, 0.0]
    assert not products.zero
    assert used.grad is None


def test_a_linear_loss_has_none() -> None:
    w = torch.ones(2, requires_grad=True)
    products = Hessian(3.0 * w.sum(), [w])
    assert products.zero
    assert products(torch.ones(2)).tolist() == [0.0, 0.0]


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return 2 * ctx.saved_tensors[0] * grad


def test_a_function_for_one_derivative_is_not_passed_by() -> None:
    w = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        Hessian(Once.apply(w).square().sum() + (w**2).sum(), [w])


def test_what_cannot_be_differentiated_twice_raises() -> None:
    q = torch.randn(1, 1, 4, 8, requires_grad=True)
    with pytest.raises(RuntimeError, match="not implemented"):
        Hessian(nn.functional.scaled_dot_product_attention(q, q, q).sum(), [q])(torch.ones(32))

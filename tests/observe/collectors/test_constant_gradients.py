"""Terms of a loss that are made of gradients without a graph are found, and what else becomes of gradients is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.record.facts import ConstantGradient

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


def slope(out: Tensor, x: Tensor, *, graph: bool = False) -> Tensor:
    return torch.autograd.grad(out.sum(), x, create_graph=graph, retain_graph=True)[0]


def without_graph(model: nn.Module, x: Tensor, out: Tensor) -> Tensor:
    return out.mean() + 10.0 * (slope(out, x).norm(dim=1) - 1.0).square().mean()


def taken_off(model: nn.Module, x: Tensor, out: Tensor) -> Tensor:
    return 2.0 * (out.mean() - (slope(out, x) + x).square().mean())


def with_graph(model: nn.Module, x: Tensor, out: Tensor) -> Tensor:
    return out.mean() + slope(out, x, graph=True).square().mean()


def logged(model: nn.Module, x: Tensor, out: Tensor) -> Tensor:
    assert slope(out, x).square().mean() + out.mean() is not None
    return out.mean()


def adversarial(model: nn.Module, x: Tensor, out: Tensor) -> Tensor:
    return out.mean() + model(x.detach() + 0.1 * slope(out, x).sign()).square().mean()


def weighing(model: nn.Module, x: Tensor, out: Tensor) -> Tensor:
    return out.mean() + slope(out, x).norm() * out.square().mean()


def trained(watched: Any, loss: Loss) -> list[ConstantGradient]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    step = watched(model)
    for _ in range(3):
        with step:
            x = torch.randn(4, 3, requires_grad=True)
            value = loss(model, x, model(x))
            step.collectors.walked(GraphWalk(value))
            value.backward()
            step.update()
    return step.facts(ConstantGradient)


@pytest.mark.parametrize("loss", [without_graph, taken_off])
def test_a_penalty_without_a_graph_is_found_where_its_gradient_is_taken(watched: Any, loss: Loss) -> None:
    (fact,) = trained(watched, loss)
    assert fact.file == __file__
    assert fact.line == slope.__code__.co_firstlineno + 1


@pytest.mark.parametrize("loss", [with_graph, logged, adversarial, weighing])
def test_what_else_becomes_of_gradients_is_none(watched: Any, loss: Loss) -> None:
    assert trained(watched, loss) == []

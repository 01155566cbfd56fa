"""Low-rank adapters are found by structure and values, and their product is measured beside the weight they adapt."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.adapters import find_drawn, find_pairs
from unstuck.record import facts

OUT, IN, RANK = 12, 8, 2


class Beside(nn.Module):
    """A frozen layer with two factors, in the names of nobody."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.kept = base.requires_grad_(False)
        self.one = nn.Parameter(torch.zeros(OUT, RANK))
        self.two = nn.Parameter(torch.randn(RANK, IN))

    def forward(self, x: Tensor) -> Tensor:
        return self.kept(x) + x @ self.two.T @ self.one.T


class Nested(nn.Module):
    """As PEFT nests them."""

    def __init__(self) -> None:
        super().__init__()
        self.base_layer = nn.Linear(IN, OUT).requires_grad_(False)
        self.a = nn.ModuleDict({"default": nn.Linear(IN, RANK, bias=False)})
        self.b = nn.ModuleDict({"default": nn.Linear(RANK, OUT, bias=False)})
        nn.init.zeros_(self.b["default"].weight)


class Added(nn.Module):
    """A parametrization of a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Parameter(torch.zeros(OUT, RANK)), nn.Parameter(torch.randn(RANK, IN))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.left @ self.right


class Convolved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Conv2d(IN, OUT, 3).requires_grad_(False)
        self.down, self.up = nn.Conv2d(IN, RANK, 3, bias=False), nn.Conv2d(RANK, OUT, 1, bias=False)
        nn.init.zeros_(self.up.weight)


def parametrized() -> nn.Module:
    layer = nn.Linear(IN, OUT).requires_grad_(False)
    parametrize.register_parametrization(layer, "weight", Added())
    return layer


@pytest.mark.parametrize(
    ("make", "zero", "other"),
    [
        (lambda: Beside(nn.Linear(IN, OUT)), "layer.one", "layer.two"),
        (Nested, "layer.b.default.weight", "layer.a.default.weight"),
        (parametrized, "layer.parametrizations.weight.0.left", "layer.parametrizations.weight.0.right"),
        (Convolved, "layer.up.weight", "layer.down.weight"),
    ],
)
def test_adapters_of_every_style_are_found(make: Any, zero: str, other: str) -> None:
    model = nn.ModuleDict({"layer": make(), "head": nn.Linear(OUT, 3)})
    (pair,) = find_pairs(dict(model.named_parameters()))
    assert (pair.zero, pair.other) == (zero, other)


def bottleneck() -> nn.Module:
    return nn.Sequential(nn.Linear(IN, OUT).requires_grad_(False), nn.Linear(OUT, RANK), nn.Linear(RANK, 5))


def drawn() -> Beside:
    layer = Beside(nn.Linear(IN, OUT))
    nn.init.normal_(layer.one)
    return layer


def thawed() -> nn.Module:
    return Beside(nn.Linear(IN, OUT)).requires_grad_(True)


def zero_head() -> nn.Module:
    head = nn.Linear(OUT, 3)
    nn.init.zeros_(head.weight)
    return nn.Sequential(nn.Linear(IN, OUT).requires_grad_(False), nn.Linear(OUT, OUT), head)


@pytest.mark.parametrize("make", [bottleneck, drawn, thawed, zero_head, lambda: nn.Linear(IN, OUT)])
def test_other_small_matrices_are_no_adapters(make: Any) -> None:
    assert find_pairs(dict(make().named_parameters())) == []


def test_each_factor_belongs_to_one_adapter() -> None:
    model = nn.Sequential(Beside(nn.Linear(IN, OUT)), Beside(nn.Linear(IN, OUT)))
    pairs = find_pairs(dict(model.named_parameters()))
    assert [(pair.zero, pair.other, pair.frozen) for pair in pairs] == [
        ("0.one", "0.two", "0.kept.weight"),
        ("1.one", "1.two", "1.kept.weight"),
    ]


def test_the_product_is_measured_at_each_sampled_step(watched: Any) -> None:
    model = Beside(nn.Linear(IN, OUT))
    names = [name for name, _ in model.named_parameters()]
    with watched(model, [model.one, model.two]) as step:
        for _ in range(2):
            loss = model(torch.ones(3, IN)).square().sum()
            step.collectors.tell("backward", GraphWalk(loss))
            loss.backward()
            sizes = step.update()["adapter_size"]
            step.collectors.begin(step.view.updates)
            expected = float((model.one @ model.two).detach().norm() / model.kept.weight.norm())
            assert sizes[names.index("one")] == pytest.approx(expected, rel=1e-5)
            assert math.isnan(sizes[names.index("two")])
        assert step.facts(facts.Adapter) == [facts.Adapter(zero="one", other="two", frozen="kept.weight")]


def test_nothing_is_measured_where_there_is_none(watched: Any) -> None:
    model = nn.Linear(IN, OUT)
    with watched(model) as step:
        loss = model(torch.ones(3, IN)).sum()
        step.collectors.tell("backward", GraphWalk(loss))
        loss.backward()
        assert "adapter_size" not in step.update()
        assert step.view.standing == []


def test_adapters_of_which_no_factor_is_zero(watched: Any) -> None:
    model = drawn()
    assert [(p.zero, p.other, p.frozen) for p in find_drawn(dict(model.named_parameters()))] == [
        ("one", "two", "kept.weight")
    ]
    expected = float((model.one @ model.two).detach().norm() / model.kept.weight.norm())
    with watched(model, [model.one, model.two]) as step:
        loss = model(torch.ones(3, IN)).square().sum()
        step.collectors.tell("backward", GraphWalk(loss))
        loss.backward()
        assert "adapter_size" not in step.update()
        (fact,) = step.facts(facts.Adapter)
    assert fact.begins == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("make", [bottleneck, thawed, zero_head, lambda: nn.Linear(IN, OUT)])
def test_other_small_matrices_are_no_drawn_adapters(make: Any) -> None:
    assert find_drawn(dict(make().named_parameters())) == []

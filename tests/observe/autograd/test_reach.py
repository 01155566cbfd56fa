"""What activations can give, held against what they give for arguments far from zero."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from unstuck.observe.autograd.reach import reach
from unstuck.record.facts import OutputReach

Made = Callable[[Tensor], Tensor]

BOUNDED: dict[str, tuple[Made, str]] = {
    "relu": (F.relu, "Relu"),
    "in place": (lambda x: F.relu(x + 0, inplace=True), "Relu"),
    "silu": (F.silu, "Silu"),
    "gelu": (F.gelu, "Gelu"),
    "gelu by tanh": (lambda x: F.gelu(x, approximate="tanh"), "Gelu"),
    "elu": (lambda x: F.elu(x, alpha=0.5), "Elu"),
    "selu": (F.selu, "Elu"),
    "celu": (lambda x: F.celu(x, alpha=2.0), "Celu"),
    "mish": (F.mish, "Mish"),
    "softplus": (F.softplus, "Softplus"),
    "hardswish": (F.hardswish, "Hardswish"),
    "hardtanh": (lambda x: F.hardtanh(x, -2.0, 3.0), "Hardtanh"),
    "relu6": (F.relu6, "Hardtanh"),
    "hardsigmoid": (F.hardsigmoid, "Hardsigmoid"),
    "softsign": (F.softsign, "Softsign"),
    "log-sigmoid": (F.logsigmoid, "LogSigmoid"),
    "tanh": (torch.tanh, "Tanh"),
    "sine": (torch.sin, "Sin"),
    "clamp": (lambda x: x.clamp(-1.5, 2.5), "Clamp"),
    "clamp below": (lambda x: x.clamp(min=-1.5), "Clamp"),
    "clamp above": (lambda x: torch.clamp_max(x, 2.5), "ClampMax"),
    "cosine": (lambda x: F.cosine_similarity(x[:, None], x.roll(1000)[:, None]), "CosineSimilarity"),
    "cosine of unit vectors": (
        lambda x: (F.normalize(x[:, None], dim=-1) * F.normalize(2 * x.roll(1000)[:, None])).sum(-1),
        "CosineSimilarity",
    ),
    "scaled": (lambda x: 4.0 * torch.sigmoid(x), "Sigmoid"),
    "turned": (lambda x: -F.relu(x) / 2, "Relu"),
    "moved": (lambda x: F.silu(x).reshape(-1, 2).T[0].unsqueeze(1), "Silu"),
    "squeezed": (lambda x: F.gelu(x.unsqueeze(1)).squeeze(1), "Gelu"),
    "masked": (lambda x: F.elu(x)[x.detach().abs() < 40], "Elu"),
    "gathered": (lambda x: F.relu(x.reshape(-1, 2)).gather(1, torch.arange(2).repeat(1000)[:, None]), "Relu"),
    "stacked": (lambda x: torch.stack([F.silu(x), F.silu(2 * x)]), "Silu"),
    "joined": (lambda x: torch.cat([2 * F.silu(x), 2 * F.silu(2 * x)]), "Silu"),
}


@pytest.mark.parametrize(("made", "name"), BOUNDED.values(), ids=BOUNDED.keys())
def test_bounds_are_those_of_the_values(made: Made, name: str) -> None:
    values = made(torch.linspace(-50, 50, 4000, requires_grad=True))
    found = reach(values.grad_fn)
    assert found is not None
    assert (found.operation, found.slope) == (name, None)
    if found.lowest is not None:
        assert values.min().item() == pytest.approx(found.lowest, abs=0.03)
    if found.highest is not None:
        assert values.max().item() == pytest.approx(found.highest, abs=0.03)
    assert (found.lowest is None) == (values.min().item() < -20)
    assert (found.highest is None) == (values.max().item() > 20)


UNBOUNDED: dict[str, Made] = {
    "linear": lambda x: x @ torch.ones(4000, 2),
    "shifted": lambda x: torch.sigmoid(x) + 3 * x,
    "affine behind": lambda x: torch.tanh(x) * torch.ones(4000, requires_grad=True),
    "factors of their own": lambda x: torch.tanh(x) * torch.linspace(1, 9, 4000),
    "stacked with others": lambda x: torch.stack([F.silu(x), x * 2]),
    "a quotient": lambda x: x / (x.abs().sum() + 1),
    "a zero": lambda x: F.relu(x) * 0,
    "moving bounds": lambda x: torch.clamp(x, torch.tensor(0.0), torch.tensor(1.0)),
    "by a node that is given": lambda x: x.clone(),
    "a sum": lambda x: (x * x).sum(0),
    "products of vectors of length 1 along another axis": lambda x: (
        F.normalize(x.reshape(-1, 2), dim=0) * F.normalize(x.reshape(-1, 2), dim=0)
    ).sum(1),
    "products with one vector of length 1": lambda x: (F.normalize(x, dim=0) * x).sum(0),
    "divided by sums of sizes": lambda x: (F.normalize(x, p=1, dim=0) * F.normalize(x, p=1, dim=0)).sum(0),
}


@pytest.mark.parametrize("made", UNBOUNDED.values(), ids=UNBOUNDED.keys())
def test_what_has_no_bound_that_is_known(made: Made) -> None:
    assert reach(made(torch.linspace(-50, 50, 4000, requires_grad=True)).grad_fn) is None


def test_a_leaky_rectifier_squeezes() -> None:
    found = reach(F.leaky_relu(torch.ones(3, requires_grad=True), 0.125).view(3, 1).grad_fn)
    assert found == OutputReach(operation="LeakyRelu", lowest=0.0, slope=0.125)


def test_a_leaf_has_no_reach() -> None:
    assert reach(torch.ones(2, requires_grad=True).grad_fn) is None


def test_a_tree_of_joins_is_not_searched() -> None:
    x = torch.ones(2, requires_grad=True).tanh()
    for _ in range(30):
        x = torch.stack([x, x]).select(0, 0)
    assert reach(x.grad_fn) is None


def test_bounds_are_numbers_that_json_has() -> None:
    found = reach(F.relu(torch.ones(2, requires_grad=True)).grad_fn)
    assert found is not None
    assert all(bound is None or math.isfinite(bound) for bound in (found.lowest, found.highest))

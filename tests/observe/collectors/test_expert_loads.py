"""Routers are told from other choices, and loads counted as the tokens are sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.observe.conftest import Watched
from unstuck.observe.collectors.expert_loads import ExpertLoads
from unstuck.record import facts

WIDTH, EXPERTS, TOKENS = 6, 4, 12


def top2(scores: Tensor) -> Tensor:
    weights, chosen = scores.softmax(-1).topk(2, dim=-1)
    return torch.zeros_like(scores).scatter(-1, chosen, weights)


def switch(scores: Tensor) -> Tensor:
    weights, chosen = torch.max(functional.softmax(scores, dim=-1), dim=-1)
    return functional.one_hot(chosen, EXPERTS) * weights[..., None]


def by_argmax(scores: Tensor) -> Tensor:
    return functional.one_hot(scores.argmax(dim=-1), EXPERTS) * scores


def soft(scores: Tensor) -> Tensor:
    return scores.softmax(dim=-1)


class Mixture(nn.Module):
    def __init__(self, route: Callable[[Tensor], Tensor], *, stacked: bool = False) -> None:
        super().__init__()
        self.route, self.gate = route, nn.Linear(WIDTH, EXPERTS)
        self.experts = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(0 if stacked else EXPERTS))
        self.weights = nn.Parameter(torch.randn(EXPERTS, WIDTH, WIDTH)) if stacked else None
        with torch.no_grad():
            self.gate.bias.copy_(torch.tensor([5.0, 4.0, 3.0, -50.0]))

    def forward(self, x: Tensor) -> Tensor:
        weights = self.route(self.gate(x))
        if self.weights is not None:
            return torch.einsum("ne,nd,edf->nf", weights, x, self.weights)
        return sum((weights[:, i, None] * expert(x) for i, expert in enumerate(self.experts)), torch.zeros(()))


def loads(model: nn.Module) -> tuple[list[str], list[float], list[facts.Router]]:
    torch.manual_seed(0)
    with Watched(model) as step:
        model(0.1 * torch.randn(TOKENS, WIDTH)).square().mean().backward()
        found = step.update()
        stated = [fact for fact in step.collectors.facts() if isinstance(fact, facts.Router)]
    return step.collectors.one(ExpertLoads).names, found.get("expert_load", []), stated


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize(("route", "each"), [(top2, 2), (switch, 1), (by_argmax, 1), (soft, 0)])
def test_every_way_to_choose_is_seen(route: Callable[[Tensor], Tensor], each: int, stacked: bool) -> None:
    names, found, stated = loads(nn.Sequential(nn.Linear(WIDTH, WIDTH), Mixture(route, stacked=stacked)))
    assert names == [f"1#{expert}" for expert in range(EXPERTS)]
    assert sum(found) == pytest.approx(1.0)
    assert found[3] == pytest.approx(0.0, abs=1e-6)
    assert found[0] == pytest.approx({2: 0.5, 1: 1.0, 0: 0.66}[each], abs=0.1)
    assert stated == [facts.Router(where="1", experts=EXPERTS, chosen=each, tokens=TOKENS)]


class Blocks(nn.Module):
    """As many blocks as there are classes, and a class is chosen behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(EXPERTS))
        self.head = nn.Linear(WIDTH, EXPERTS)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = x + block(x).relu()
        scores = self.head(x)
        return scores.softmax(-1).amax() + scores.topk(2, dim=-1).values.sum()


class Image(nn.Module):
    """A convolution with as many channels as there are choices."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(WIDTH, EXPERTS, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x[:, :, None]).squeeze(-1).softmax(-1).topk(2, dim=-1).values.sum()


@pytest.mark.parametrize("model", [Blocks(), Image()], ids=["blocks", "image"])
def test_other_choices_are_no_routers(model: nn.Module) -> None:
    names, found, stated = loads(model)
    assert (names, found, stated) == ([], [], [])

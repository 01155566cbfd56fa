"""Vectors that are compared are measured, and losses over their similarities are known with their scale."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.collectors.similarities import spread
from unstuck.record import facts


@pytest.fixture
def learnt(watched: Any) -> Any:
    """Takes a step of a network whose outputs for two views are compared, and gives what was seen of it."""

    def learn(loss: Callable[[Tensor, Tensor], Tensor], *, same: bool = False) -> Any:
        torch.manual_seed(0)
        model = nn.Linear(6, 5)
        with watched(model) as step:
            first = torch.randn(16, 6)
            loss(model(first), model(first if same else first + torch.randn(16, 6))).backward()
            step.update()
        return step

    return learn


def contrast(first: Tensor, second: Tensor) -> Tensor:
    scores = functional.normalize(first, dim=1) @ functional.normalize(second, dim=1).T / 0.25
    return functional.cross_entropy(scores, torch.arange(16))


def test_the_scale_of_cosines_is_known(learnt: Any) -> None:
    (fact,) = learnt(contrast).facts(facts.Contrast)
    assert fact.scale == pytest.approx(4.0, rel=1e-3)
    assert (fact.candidates, fact.itself) == (16, False)


def test_a_partner_that_is_the_thing_itself_is_seen(learnt: Any) -> None:
    (fact,) = learnt(contrast, same=True).facts(facts.Contrast)
    assert fact.itself


@pytest.mark.parametrize("masked", [None, float("-inf"), -1e9, 0.0])
@pytest.mark.parametrize("units", [True, False])
def test_an_example_among_its_own_candidates_is_seen(learnt: Any, units: bool, masked: float | None) -> None:
    def loss(first: Tensor, second: Tensor) -> Tensor:
        both = torch.cat([first, second])
        both = functional.normalize(both, dim=1) if units else both
        scores = both @ both.T / 0.25
        if masked is not None:
            scores = scores.masked_fill(torch.eye(32, dtype=torch.bool), masked)
        return functional.cross_entropy(scores, torch.arange(32).roll(16))

    looks = learnt(loss).facts(facts.Contrast)
    assert any(fact.among for fact in looks) is (masked is None)


def test_scores_of_classes_are_no_similarities(watched: Any) -> None:
    model = nn.Linear(6, 16)
    with watched(model) as step:
        functional.cross_entropy(model(torch.randn(16, 6)), torch.randperm(16)).backward()
        step.update()
    assert not step.facts(facts.Contrast)


@pytest.mark.parametrize("detached", [True, False])
def test_pairs_say_whether_both_sides_learn(learnt: Any, detached: bool) -> None:
    def similar(first: Tensor, second: Tensor) -> Tensor:
        return -functional.cosine_similarity(first, second.detach() if detached else second).mean()

    (fact,) = learnt(similar).facts(facts.Embeddings)
    assert (fact.pairs, fact.both, fact.examples, fact.size) == (True, not detached, 16, 5)
    assert 0.5 < fact.spread <= 1.0
    assert 2.0 < fact.rank < 5.0


def test_the_spread_is_that_of_directions() -> None:
    assert spread(torch.ones(9, 4) * torch.arange(1.0, 10.0)[:, None]) < 1e-5
    angle = torch.linspace(0.0, 2 * math.pi, 101)[:-1]
    assert spread(torch.stack([angle.cos(), angle.sin()], 1)) == pytest.approx(1.0)

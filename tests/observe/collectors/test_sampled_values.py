"""Draws through which no gradient flows are found where a layer takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from unstuck.record import facts

Draw = Callable[[Tensor, Tensor], Tensor]


@pytest.fixture
def drawn(watched: Any) -> Callable[..., list[facts.NonDifferentiableSample]]:
    """What is told of a draw from a learnt distribution that a layer takes."""

    def run(draw: Draw, *, scored: bool = False, taken: bool = True) -> list[facts.NonDifferentiableSample]:
        encoder, decoder = nn.Linear(3, 4), nn.Sequential(nn.Linear(2, 3))
        with watched(nn.ModuleDict({"encoder": encoder, "decoder": decoder})) as step:
            mean, spread = encoder(torch.ones(5, 3)).chunk(2, dim=1)
            values = draw(mean, spread.exp())
            if taken:
                decoder(values)
            if scored:
                Normal(mean, spread.exp()).log_prob(values)
            step.update()
        return step.facts(facts.NonDifferentiableSample)

    return run


def test_draws_without_a_gradient_are_told_where_a_layer_takes_them(drawn: Any) -> None:
    for draw in (lambda mean, spread: Normal(mean, spread).sample(), torch.normal):
        (fact,) = drawn(draw)
        assert (fact.where, fact.file) == ("decoder.0", __file__)


def test_what_has_a_gradient_or_needs_none_is_not(drawn: Any) -> None:
    assert drawn(lambda mean, spread: Normal(mean, spread).rsample()) == []
    assert drawn(lambda mean, spread: mean + spread * torch.randn_like(spread)) == []
    assert drawn(lambda mean, spread: Normal(torch.zeros(5, 2), torch.ones(5, 2)).sample()) == []
    assert drawn(lambda mean, spread: Normal(mean, spread).sample(), scored=True) == []
    assert drawn(lambda mean, spread: Normal(mean, spread).sample() + 0.0) == []


def test_what_no_layer_takes_is_not(drawn: Any) -> None:
    assert drawn(torch.normal, taken=False) == []


def test_a_draw_of_an_evaluation_is_taken_by_nobody(watched: Any) -> None:
    encoder = nn.Linear(3, 4)
    with watched(encoder) as step, torch.no_grad():
        mean, spread = encoder(torch.ones(5, 3)).chunk(2, dim=1)
        nn.Linear(2, 3)(torch.normal(mean, spread.exp()))
        step.update()
    assert step.facts(facts.NonDifferentiableSample) == []

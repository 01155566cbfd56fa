"""Parameters that losses lead to and no optimizer holds are found, unless something else changes them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.unoptimized_parameters import UnoptimizedParameters
from unstuck.record.facts import UnoptimizedParameters as Strangers


@pytest.fixture
def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 1))


def seen(step: Any, model: nn.Module) -> Strangers:
    step.collectors.tell("backward", GraphWalk(model(torch.ones(2, 8)).sum()))
    (fact,) = step.facts(Strangers)
    return fact


def test_a_layer_that_the_optimizer_does_not_hold_is_found(watched: Any, model: nn.Sequential) -> None:
    with watched(model, model[1].parameters()) as step:
        fact = seen(step, model)
    assert {stranger.name for stranger in fact.unchanged} == {"0.weight", "0.bias"}
    assert {stranger.shape for stranger in fact.unchanged} == {(16, 8), (16,)}
    assert (fact.reached, fact.held) == (4, 2)
    fresh = {stranger.name: stranger.fresh for stranger in fact.unchanged}
    assert fresh == {"0.weight": True, "0.bias": None}


def test_all_held_are_no_strangers(watched: Any, model: nn.Sequential) -> None:
    with watched(model) as step:
        fact = seen(step, model)
    assert (fact.unchanged, fact.reached, fact.held) == ((), 4, 4)


def test_what_something_else_changes_is_no_stranger_any_more(watched: Any, model: nn.Sequential) -> None:
    with watched(model, model[1].parameters()) as step:
        assert len(seen(step, model).unchanged) == 2
        with torch.no_grad():
            model[0].weight += 0.1
        step.view.updates = 3
        fact = seen(step, model)
        assert [stranger.name for stranger in fact.unchanged] == ["0.bias"]
        assert (fact.step, fact.since) == (3, 0)
        with torch.no_grad():
            model[0].weight -= 0.1
        assert len(seen(step, model).unchanged) == 1, "even where it changes back"


def test_what_another_optimizer_holds_is_no_stranger(
    watched: Any, model: nn.Sequential, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {id(parameter) for parameter in model[0].parameters()}
    monkeypatch.setattr("unstuck.observe.collectors.unoptimized_parameters.held_parameters", lambda: held)
    with watched(model, model[1].parameters()) as step:
        fact = seen(step, model)
    assert (fact.unchanged, fact.held) == ((), 2)


def test_inputs_that_need_gradients_are_no_parameters(watched: Any, model: nn.Sequential) -> None:
    with watched(model) as step:
        x = torch.ones(2, 8, requires_grad=True)
        step.collectors.tell("backward", GraphWalk(model(x).sum()))
        (fact,) = step.facts(Strangers)
    assert fact.unchanged == ()
    assert fact.reached == 5


def test_a_tensor_that_only_the_users_code_names_has_its_name(watched: Any, model: nn.Sequential) -> None:
    temperature = nn.Parameter(torch.ones(3))
    with watched(model) as step:
        step.collectors.tell("backward", GraphWalk((model(torch.ones(2, 8)) * temperature).sum()))
        (fact,) = step.facts(Strangers)
    assert [stranger.name for stranger in fact.unchanged] == ["temperature"]


def test_a_new_tensor_in_the_place_of_an_old_one_is_another(watched: Any) -> None:
    collector = UnoptimizedParameters(watched(nn.Linear(2, 1)).view)

    def observe(leaf: nn.Parameter) -> int:
        return len(collector.observe([leaf], own=set(), held=set(), named={}, step=0).unchanged)

    first = nn.Parameter(torch.ones(3))
    assert observe(first) == 1
    collector._known[id(first)].tensor = lambda: None  # pyright: ignore[reportAttributeAccessIssue]
    assert observe(first) == 0

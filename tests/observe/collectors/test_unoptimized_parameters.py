"""Parameters that losses lead to and no optimizer holds are found, unless something else changes them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.unoptimized_parameters import UnoptimizedParameters
from unstuck.observe.torch_hooks import events
from unstuck.record.facts import MisplacedOptimizer
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


@pytest.fixture
def exchanged(watched: Any, model: nn.Sequential) -> Any:
    """A step, for which the first layer of two has been exchanged after the optimizer was made."""
    step = watched(model)
    step.view.optimizer = events.meet(step.optimizer)
    model[0] = nn.Linear(8, 16)
    return step


def test_what_the_optimizer_holds_and_the_model_no_longer_has_is_unused(exchanged: Any, model: nn.Sequential) -> None:
    with exchanged as step:
        fact = seen(step, model)
    assert {stranger.name for stranger in fact.unchanged} == {"0.weight", "0.bias"}
    assert fact.unused == ((16, 8), (16,))


def test_what_a_loss_leads_to_again_is_not_unused(exchanged: Any, model: nn.Sequential) -> None:
    old = exchanged.optimizer.param_groups[0]["params"][0]
    with exchanged as step:
        step.collectors.tell("backward", GraphWalk(model(torch.ones(2, 8)).sum() + old.sum()))
        (fact,) = step.facts(Strangers)
    assert fact.unused == ((16,),)


def test_what_was_used_until_the_exchange_is_unused_behind_it(watched: Any, model: nn.Sequential) -> None:
    with watched(model) as step:
        step.view.optimizer = events.meet(step.optimizer)
        assert seen(step, model).unused == ()
        model[0] = nn.Linear(8, 16)
        step.view.updates = 4
        assert seen(step, model).unused == ((16, 8), (16,))


def test_a_layer_of_the_model_that_is_left_out_of_a_loss_is_not_unused(watched: Any, model: nn.Sequential) -> None:
    with watched(model) as step:
        step.view.optimizer = events.meet(step.optimizer)
        loose = nn.Parameter(torch.ones(2, 8))
        step.collectors.tell("backward", GraphWalk(model[0](loose).sum()))
        (fact,) = step.facts(Strangers)
    assert len(fact.unchanged) == 1
    assert fact.unused == ()


@pytest.mark.parametrize(("shared", "trained", "found"), [(True, False, 1), (False, False, 0), (True, True, 0)])
def test_an_optimizer_of_anothers_network_is_found(watched: Any, *, shared: bool, trained: bool, found: int) -> None:
    actor, critic = nn.Linear(3, 2), nn.Linear(2, 1)
    known = [torch.optim.SGD((critic if shared else nn.Linear(2, 1)).parameters(), lr=0.1)]
    if trained:
        known.append(torch.optim.SGD(actor.parameters(), lr=0.1))
    with watched(critic) as step:
        for optimizer in (*known, step.optimizer):
            events.meet(optimizer)
        step.collectors.tell("led_past", GraphWalk(actor(torch.ones(2, 3)).sum()))
        step.update()
        facts = step.facts(MisplacedOptimizer)
    assert [{stranger.shape for stranger in fact.unchanged} for fact in facts] == [{(2, 3), (2,)}] * found
    assert all(fact.others for fact in facts)


def test_what_counts_is_the_loss_right_before_the_step(watched: Any) -> None:
    actor, critic = nn.Linear(3, 2), nn.Linear(2, 1)
    other = torch.optim.SGD(critic.parameters(), lr=0.1)
    with watched(critic) as step:
        events.meet(other)
        events.meet(step.optimizer)
        step.collectors.tell("led_past", GraphWalk(actor(torch.ones(2, 3)).sum()))
        step.collectors.tell("backward", GraphWalk(critic(torch.ones(2, 2)).sum()))
        step.update()
        assert step.facts(MisplacedOptimizer) == []


@pytest.mark.parametrize("compared", [True, False])
def test_a_network_that_makes_the_targets_too_is_one_that_compares(watched: Any, *, compared: bool) -> None:
    generator, features = nn.Linear(4, 3), nn.Linear(3, 2)
    with watched(generator) as step:
        wanted = features(torch.randn(5, 3)).detach() if compared else torch.randn(5, 2)
        loss = nn.functional.mse_loss(features(generator(torch.randn(5, 4))), wanted)
        step.collectors.tell("backward", GraphWalk(loss))
        (fact,) = step.facts(Strangers)
    assert (len(fact.unchanged), fact.compared) == (2, compared)

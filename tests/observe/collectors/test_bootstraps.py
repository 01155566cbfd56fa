"""Targets made of a network's own outputs are told with what they lack."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.record import facts


def targets(network: nn.Module, states: Tensor, reward: Tensor, over: Tensor | None) -> Tensor:
    """Rewards and the discounted value of what follows."""
    following = 0.9 * network(states).squeeze(1)
    return reward + (following if over is None else following * (1.0 - over))


@pytest.fixture
def learnt(watched: Any) -> Any:
    """What is told of one step of a value network."""

    def learn(*, ends: bool, detached: bool, copied: bool = True) -> Any:
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        slow = copy.deepcopy(model) if copied else model
        states, after, reward = torch.randn(32, 3), torch.randn(32, 3), torch.randn(32)
        over = (torch.arange(32) < 4).float()
        with watched(model) as step:
            value = model(states).squeeze(1)
            with torch.set_grad_enabled(not detached):
                target = targets(slow, after, reward, over if ends else None)
            loss = functional.mse_loss(value, target)
            loss.backward()
            step.update()
        return step

    return learn


def test_ends_are_counted(learnt: Any) -> None:
    (fact,) = learnt(ends=True, detached=True).facts(facts.Bootstrap)
    assert (fact.transitions, fact.ended, fact.gradient, fact.file) == (32, 4, False, __file__)
    assert fact.discount == pytest.approx(0.9)


def test_targets_without_ends_have_none(learnt: Any) -> None:
    (fact,) = learnt(ends=False, detached=True).facts(facts.Bootstrap)
    assert fact.ended == 0
    assert fact.plain


def test_a_copy_is_known_by_its_shapes(learnt: Any) -> None:
    (fact,) = learnt(ends=True, detached=True).facts(facts.TargetNetwork)
    assert fact.began_equal
    assert not fact.moved


@pytest.mark.parametrize("greedy", [True, False])
def test_values_that_are_always_the_greatest_are_counted(watched: Any, greedy: bool) -> None:
    torch.manual_seed(0)
    model, states, action = nn.Linear(3, 4), torch.randn(32, 3), torch.randint(4, (32, 1))
    over = (torch.arange(32) < 4).float()
    with watched(model) as step:
        given = model(states)
        value = given.max(dim=1).values if greedy else given.gather(1, action).squeeze(1)
        with torch.no_grad():
            target = torch.randn(32) + 0.9 * model(states + 1.0).max(dim=1).values * (1.0 - over)
        functional.mse_loss(value, target).backward()
        step.update()
    (fact,) = step.facts(facts.Bootstrap)
    taken = int((given.gather(1, action).squeeze(1) == given.amax(dim=1)).sum())
    assert (fact.greedy, fact.masked) == (32 if greedy else taken, True)


@pytest.mark.parametrize("aliased", [True, False])
def test_states_that_do_not_change_are_counted(watched: Any, aliased: bool) -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    slow, states = copy.deepcopy(model), torch.randn(32, 3)
    after = states.clone() if aliased else torch.randn(32, 3)
    with watched(model) as step:
        value = model(states).squeeze(1)
        with torch.no_grad():
            target = targets(slow, after, torch.randn(32), None)
        functional.mse_loss(value, target).backward()
        step.update()
    (fact,) = step.facts(facts.Bootstrap)
    assert (fact.compared, fact.unchanged) == (32, 32 if aliased else 0)

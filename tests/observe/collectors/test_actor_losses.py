"""The loss of an actor is seen with the way in which it moves what a critic says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.actor_losses import VALUED, note_values
from unstuck.record import facts


@pytest.fixture
def critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, 1)


def act(watched: Any, critic: nn.Module, sign: float, *, detached: bool = False) -> Any:
    """A step of an actor."""
    model, states = nn.Linear(3, 1), torch.randn(8, 3)
    with watched(model) as step:
        action = torch.tanh(model(states))
        value = critic(torch.cat([states, action.detach() if detached else action], 1))
        loss = sign * torch.min(value, value + 1.0).squeeze(1).mean() + 0.1 * action.square().mean()
        step.collectors.tell("backward", GraphWalk(loss))
        loss.backward()
        step.update()
    return step


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_sign_is_that_in_which_the_value_is_moved(watched: Any, critic: nn.Module, sign: float) -> None:
    note_values(critic, costs=False)
    (fact,) = act(watched, critic, sign).facts(facts.ActorLoss)
    assert (fact.raised, fact.costs, fact.file) == (sign < 0, False, __file__)


@pytest.mark.parametrize("detached", [True, False])
def test_whether_the_value_depends_on_the_actor_is_seen(watched: Any, critic: nn.Module, detached: bool) -> None:
    note_values(critic, costs=False)
    (fact,) = act(watched, critic, -1.0, detached=detached).facts(facts.ActorLoss)
    assert fact.reached is not detached


def test_a_network_that_learns_no_values_is_no_critic(watched: Any, critic: nn.Module) -> None:
    assert not act(watched, critic, 1.0).facts(facts.ActorLoss)


def on_rewards(value: Tensor, after: Tensor, reward: Tensor) -> None:
    functional.mse_loss(value, reward + 0.9 * after).backward()


def on_costs(value: Tensor, after: Tensor, cost: Tensor) -> None:
    functional.mse_loss(value, cost + 0.9 * after).backward()


@pytest.mark.parametrize(("compare", "costs"), [(on_rewards, False), (on_costs, True)])
def test_a_critic_is_known_by_its_targets(
    watched: Any, critic: nn.Module, compare: Callable[..., None], costs: bool
) -> None:
    states, after = torch.randn(8, 4), torch.randn(8, 4)
    with watched(critic) as step:
        value = critic(states).squeeze(1)
        with torch.no_grad():
            following = critic(after).squeeze(1)
        compare(value, following, torch.randn(8))
        step.update()
    assert VALUED[critic] is costs

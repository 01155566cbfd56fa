"""What becomes of the actions that a policy draws is followed from the draw to the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Normal

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.policy_terms import PolicyTerms
from unstuck.record import facts


def of_classes(output: Tensor) -> Categorical:
    return Categorical(logits=output)


def of_numbers(output: Tensor) -> Normal:
    return Normal(output[:, 0], torch.ones(8))


@pytest.fixture
def learnt(watched: Any) -> Any:
    """Takes a step in which actions are followed, and tells whether anybody has seen them."""

    def learn(rewarded: Callable[[Tensor], Tensor], policy: Callable[[Tensor], Any] = of_classes) -> bool | None:
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        with watched(model) as step:
            step.view.due = [step.collectors.one(PolicyTerms)]
            step.collectors.begin(0)
            chosen = policy(model(torch.randn(8, 3)))
            action = chosen.sample()
            rewards = rewarded(action)
            loss = -(chosen.log_prob(action) * rewards).mean()
            step.collectors.tell("backward", GraphWalk(loss))
            loss.backward()
            step.update()
        (fact,) = step.facts(facts.PolicyTerm)
        return fact.unseen

    return learn


@pytest.mark.parametrize("policy", [of_classes, of_numbers])
def test_actions_that_nobody_carries_out_are_seen_by_nobody(learnt: Any, policy: Any) -> None:
    assert learnt(lambda action: torch.randn(8), policy) is True


@pytest.mark.parametrize("policy", [of_classes, of_numbers])
@pytest.mark.parametrize(
    "environment",
    [
        lambda action: torch.from_numpy(action.numpy() * 2.0).float(),
        lambda action: torch.tensor([float(one) for one in action]),
        lambda action: torch.tensor([one.item() * 0.5 for one in action]),
        lambda action: torch.where(action > 0.5, 1.0, -1.0),
        lambda action: torch.zeros(8).add_(action),
    ],
)
def test_an_environment_sees_them(learnt: Any, environment: Any, policy: Any) -> None:
    assert learnt(environment, policy) is False


def test_an_evaluation_in_between_leaves_it_unknown(learnt: Any, watched: Any) -> None:
    from unstuck.observe.collectors.drawn_actions import DrawnActions

    known, action = DrawnActions(), torch.ones(4)
    known.followed(torch.multinomial, (torch.ones(4),), {}, action)
    assert known.of(action)
    known.forget()
    assert known.seen_by_nobody(known.of(action), torch.ones(4)) is None

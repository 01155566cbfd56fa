"""Terms of a policy are seen with the way in which they move it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Normal

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.record import facts


@pytest.fixture
def learnt(watched: Any) -> Any:
    """Takes a step of a policy with a critic beside it, and gives what was seen of it."""

    def learn(loss: Callable[[Categorical, Tensor], Tensor]) -> Any:
        torch.manual_seed(0)
        model = nn.Linear(6, 4)
        with watched(model) as step:
            output = model(torch.randn(16, 6))
            value = loss(Categorical(logits=output[:, :3]), output[:, 3])
            step.collectors.tell("backward", GraphWalk(value))
            value.backward()
            step.update()
        return step

    return learn


@pytest.mark.parametrize("raised", [True, False])
def test_the_sign_is_that_in_which_good_actions_become_likelier(learnt: Any, raised: bool) -> None:
    advantages = torch.linspace(-1.0, 2.0, 16)

    def loss(policy: Categorical, value: Tensor) -> Tensor:
        term = (policy.log_prob(policy.sample()) * advantages).mean()
        return -term if raised else 0.5 * term

    (fact,) = learnt(loss).facts(facts.PolicyTerm)
    assert (fact.raised, fact.gradient, fact.costs) == (raised, False, False)
    assert (fact.lowest, fact.highest, fact.file) == (-1.0, 2.0, __file__)
    assert "advantages" in fact.names


@pytest.mark.parametrize("inline", [True, False])
def test_weights_that_are_negated_are_those_that_they_were_made_of(learnt: Any, *, inline: bool) -> None:
    advantages = torch.linspace(-1.0, 2.0, 16)

    def loss(policy: Categorical, value: Tensor) -> Tensor:
        ratio = (policy.log_prob(policy.sample()) + 1.0).exp()
        if inline:
            return (-advantages * ratio).mean()
        negative = advantages.neg()
        return torch.max(negative * ratio, negative * ratio.clamp(0.8, 1.2)).mean()

    for fact in learnt(loss).facts(facts.PolicyTerm):
        assert (fact.raised, fact.lowest, fact.highest) == (True, -1.0, 2.0)


def test_single_actions_of_an_episode_are_one_term(learnt: Any) -> None:
    def loss(policy: Categorical, value: Tensor) -> Tensor:
        chosen = policy.log_prob(policy.sample())
        return torch.stack(
            [-one * weight for one, weight in zip(chosen, [float(k) for k in range(16)], strict=True)]
        ).sum()

    (fact,) = learnt(loss).facts(facts.PolicyTerm)
    assert (fact.raised, fact.lowest, fact.highest) == (True, 0.0, 15.0)


def test_a_gradient_through_the_weights_is_seen(learnt: Any) -> None:
    returns = torch.randn(16)
    (fact,) = learnt(lambda policy, value: -(policy.log_prob(policy.sample()) * (returns - value)).mean()).facts(
        facts.PolicyTerm
    )
    assert fact.gradient


def test_a_cost_is_known_by_its_name(learnt: Any) -> None:
    cost = torch.rand(16)
    (fact,) = learnt(lambda policy, value: (policy.log_prob(policy.sample()) * cost).mean()).facts(facts.PolicyTerm)
    assert "cost" in fact.names
    assert not fact.raised


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_entropy_is_known_with_its_sign(learnt: Any, sign: float) -> None:
    (fact,) = learnt(lambda policy, value: -sign * policy.entropy().mean()).facts(facts.PolicyEntropy)
    assert fact.raised is (sign > 0)
    assert 0.0 < fact.entropy < fact.most == pytest.approx(1.0986, abs=1e-3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_so_is_that_of_normal_distributions(learnt: Any, sign: float) -> None:
    def loss(policy: Categorical, value: Tensor) -> Tensor:
        normal = Normal(policy.logits[:, :2], 0.5 * value.exp().unsqueeze(1).expand(-1, 2))
        return (
            normal.log_prob(normal.sample()).sum(dim=1) * value.detach() - sign * normal.entropy().sum(dim=1)
        ).mean()

    (fact,) = learnt(loss).facts(facts.PolicyEntropy)
    assert (fact.raised, fact.most) == (sign > 0, None)
    assert 0.0 < fact.entropy < 4.0


def test_what_makes_the_scores_of_a_policy_is_seen(learnt: Any) -> None:
    weights = torch.linspace(-1.0, 2.0, 16)

    def loss(policy: Categorical, value: Tensor) -> Tensor:
        twice = Categorical(logits=policy.probs)
        return -(twice.log_prob(twice.sample()) * weights).mean()

    (fact,) = learnt(loss).facts(facts.PolicyTerm)
    assert fact.choices == 3
    assert (fact.reach.operation, fact.reach.lowest, fact.reach.highest) == ("Softmax", 0.0, 1.0)


@pytest.mark.parametrize(
    ("ratio", "told"),
    [
        (lambda new: (new - new.detach()).exp(), ""),
        (lambda new: (new - 1.0 * new).exp().clamp(0.8, 1.2), "itself"),
        (lambda new: new / (1.1 * new.detach()), "logarithms"),
        (lambda new: new / torch.full((16,), 7.0), ""),
    ],
)
def test_a_ratio_that_is_none_is_seen(learnt: Any, ratio: Callable[[Tensor], Tensor], told: str) -> None:
    weights = torch.linspace(-1.0, 2.0, 16)

    def loss(policy: Categorical, value: Tensor) -> Tensor:
        return -(ratio(policy.log_prob(policy.sample())) * weights).mean()

    assert [fact.ratio for fact in learnt(loss).facts(facts.PolicyTerm)] == [told]


def test_a_policy_of_probabilities_is_one(learnt: Any) -> None:
    weights = torch.linspace(-1.0, 2.0, 16)

    def loss(policy: Categorical, value: Tensor) -> Tensor:
        given = Categorical(torch.softmax(policy.logits, dim=1))
        return -(given.log_prob(given.sample()) * weights).mean()

    (fact,) = learnt(loss).facts(facts.PolicyTerm)
    assert (fact.raised, fact.choices) == (True, 3)


@pytest.mark.parametrize("reverse", [False, True])
def test_targets_of_values_tell_the_order_of_returns_less_these_values(learnt: Any, reverse: bool) -> None:
    returns = torch.tensor([(1.0 - 0.9**t) / 0.1 for t in range(1, 17)])
    returns = returns.flip(0) if reverse else returns

    def loss(policy: Categorical, value: Tensor) -> Tensor:
        weights = (returns - value).detach()
        return nn.functional.mse_loss(value, returns) - (policy.log_prob(policy.sample()) * weights).mean()

    (fact,) = learnt(loss).facts(facts.PolicyTerm)
    assert fact.growth == pytest.approx(1 / 0.9 if reverse else 0.9, abs=1e-3)


def test_targets_of_other_values_tell_nothing(learnt: Any) -> None:
    returns = torch.tensor([(1.0 - 0.9**t) / 0.1 for t in range(1, 17)])

    def loss(policy: Categorical, value: Tensor) -> Tensor:
        weights = (returns[2:] - value[2:]).detach()
        chosen = policy.log_prob(policy.sample())[2:]
        return nn.functional.mse_loss(value, returns) - (chosen * weights).mean()

    (fact,) = learnt(loss).facts(facts.PolicyTerm)
    assert fact.growth is None

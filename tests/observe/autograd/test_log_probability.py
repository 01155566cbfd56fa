"""Log-probabilities are known by their graphs, however they are written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, distributions, nn
from torch.nn import functional

from unstuck.observe.autograd.log_probability import log_probability

ACTIONS = torch.tensor([0, 2, 1, 1])

KNOWN: dict[str, tuple[int, Callable[[Tensor], Tensor]]] = {
    "gather": (1, lambda s: functional.log_softmax(s, 1).gather(1, ACTIONS[:, None]).squeeze(1)),
    "index": (1, lambda s: torch.log_softmax(s, 1)[torch.arange(4), ACTIONS]),
    "categorical": (1, lambda s: distributions.Categorical(logits=s).log_prob(ACTIONS)),
    "ratio": (1, lambda s: (distributions.Categorical(logits=s).log_prob(ACTIONS) + 1.0).exp()),
    "clipped ratio": (1, lambda s: (distributions.Categorical(logits=s).log_prob(ACTIONS)).exp().clamp(0.8, 1.2)),
    "minus": (-1, lambda s: -distributions.Categorical(logits=s).log_prob(ACTIONS)),
    "cross-entropy": (-1, lambda s: functional.cross_entropy(s, ACTIONS, reduction="none")),
    "normal": (1, lambda s: distributions.Normal(s[:, 0], s[:, 1].exp()).log_prob(torch.zeros(4))),
    "normals": (1, lambda s: distributions.Normal(s, 0.5).log_prob(torch.zeros(4, 3)).sum(dim=1)),
}

UNKNOWN: dict[str, Callable[[Tensor], Tensor]] = {
    "scores": lambda s: s[:, 0],
    "probabilities": lambda s: torch.softmax(s, 1)[:, 0],
    "errors": lambda s: (s - 1.0).square().mean(dim=1),
    "a loss of a batch": lambda s: functional.cross_entropy(s, ACTIONS),
    "several losses": lambda s: torch.stack([functional.cross_entropy(s, ACTIONS), s.square().mean()]),
    "a weighted sum": lambda s: (torch.log_softmax(s, 1)[:, 0] * torch.arange(4.0)).sum(),
}


@pytest.mark.parametrize(("sign", "write"), KNOWN.values(), ids=KNOWN.keys())
def test_each_spelling_is_known_with_its_sign(sign: int, write: Callable[[Tensor], Tensor]) -> None:
    scores = torch.randn(4, 6) @ torch.randn(6, 3, requires_grad=True)
    assert log_probability(write(scores)) == sign


@pytest.mark.parametrize("write", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_other_numbers_are_none(write: Callable[[Tensor], Tensor]) -> None:
    scores = torch.randn(4, 6) @ torch.randn(6, 3, requires_grad=True)
    assert log_probability(write(scores)) == 0


@pytest.mark.parametrize("steps", [3, 200])
def test_those_of_a_long_episode_are_known_by_its_first_steps(steps: int) -> None:
    policy = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    single = [distributions.Categorical(logits=policy(torch.ones(2))).log_prob(torch.tensor(1)) for _ in range(steps)]
    assert (log_probability(torch.stack(single)), log_probability(torch.stack(single).neg())) == (1, -1)
    assert log_probability(torch.stack([policy(torch.ones(2)).sum() for _ in range(steps)])) == 0

"""The order of returns is known by how their differences grow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unstuck.observe.collectors.returns_order import growth


def returns(rewards: list[float], *, gamma: float = 0.97) -> torch.Tensor:
    total, found = 0.0, []
    for reward in reversed(rewards):
        total = reward + gamma * total
        found.insert(0, total)
    return torch.tensor(found)


@pytest.mark.parametrize("rewards", [[1.0] * 40, [-0.1] * 40, [0.0] * 39 + [1.0], [-0.01] * 39 + [1.0]])
@pytest.mark.parametrize("normalised", [True, False])
def test_sums_from_the_end_grow(rewards: list[float], normalised: bool) -> None:
    weights = returns(rewards)
    weights = (weights - weights.mean()) / weights.std() if normalised else weights
    assert growth([weights]) == pytest.approx(1 / 0.97, abs=2e-3)
    assert growth([*weights]) == growth([weights])
    assert growth([weights.unsqueeze(1).expand(-1, 3)]) == growth([weights])


@pytest.mark.parametrize("reward", [1.0, -0.1])
def test_in_the_wrong_order_they_shrink(reward: float) -> None:
    weights = returns([reward] * 40).flip(0)
    assert growth([weights]) == pytest.approx(0.97, abs=2e-3)


@pytest.mark.parametrize("normalised", [True, False])
def test_centred_ones_are_in_the_wrong_order_where_they_rise(normalised: bool) -> None:
    weights = returns([1.0] * 40)
    discounted = 0.97 ** torch.arange(40) * weights

    def centred(values: torch.Tensor) -> torch.Tensor:
        return (values - values.mean()) / (values.std() if normalised else 1.0)

    assert growth([centred(weights.flip(0))]) == pytest.approx(0.97, abs=2e-3)
    assert growth([centred(discounted)]) is growth([discounted]) is None, "times gamma to the power of the step"


@pytest.mark.parametrize(
    "weights",
    [
        [torch.from_numpy(np.random.default_rng(0).normal(size=40))],
        [torch.ones(40)],
        [torch.arange(40.0)],
        [0.5, 0.25, 0.125],
        [torch.ones(4), torch.ones(5)],
        [0.97**t for t in range(40)],
    ],
    ids=["noise", "constant", "undiscounted", "few", "rows", "discounted"],
)
def test_without_one_factor_nothing_is_known(weights: list[torch.Tensor]) -> None:
    assert growth(weights) is None

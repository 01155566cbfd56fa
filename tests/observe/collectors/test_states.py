"""States that do not change are told from those that do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.states import unchanged


def same(*given: Tensor, networks: tuple[int, ...] = (0, 1, 2)) -> int | None:
    return unchanged([(network, (states,)) for network, states in enumerate(given)], networks, 16)


def test_states_that_differ_in_one_value_are_not_the_same() -> None:
    states = torch.randn(16, 3)
    after = states.clone()
    after[4:, 1] += 1.0
    assert same(states, after) == 4


def test_a_network_that_sees_what_follows_tells_that_it_changes() -> None:
    states, after = torch.randn(16, 3), torch.randn(16, 3)
    assert same(states, states.clone(), after) == 0


@pytest.mark.parametrize(
    "runs",
    [
        (torch.randn(16, 3),),
        (torch.ones(16, 3), torch.ones(16, 3)),
        (torch.randn(16, 3), torch.randn(1, 3)),
        (torch.randn(16, 3), torch.randn(16, 4)),
    ],
    ids=["one run", "all alike", "a single state", "another size"],
)
def test_nothing_is_said_of_what_cannot_be_compared(runs: tuple[Tensor, ...]) -> None:
    assert same(*runs) is None


def test_other_networks_do_not_count() -> None:
    states = torch.randn(16, 3)
    assert same(states, states, networks=(0, 7)) is None

"""The ranks that are not watched measure their parts, and leave them under the name that rank 0 looks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import distributed, nn
from torch.distributed.tensor import Shard, distribute_tensor

from unstuck.observe.sampling import agreed
from unstuck.observe.sharded import other_ranks
from unstuck.observe.sharded.other_ranks import OtherRanks
from unstuck.observe.sharded.rank_store import RankStore
from unstuck.observe.sharded.shards import Column

STEPS = 40


def train(parameter: nn.Parameter) -> None:
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    for _ in range(STEPS):
        parameter.grad = torch.ones_like(parameter)
        optimizer.step()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> RankStore:
    shared = RankStore(distributed.HashStore(), rank=0)
    monkeypatch.setattr(other_ranks, "connect", lambda: shared)
    return shared


def test_the_agreed_steps_of_a_sharded_parameter_are_measured(two_ranks: Any, store: RankStore) -> None:
    parameter = nn.Parameter(distribute_tensor(torch.zeros(8, 3), two_ranks, [Shard(0)]))
    with OtherRanks():
        train(parameter)
    found = [step for step in range(STEPS) if store.has(f"0/{step}", [0])]
    assert found == [step for step in range(STEPS) if agreed(step)]
    parts = store.get("0/3", 0)
    assert parts is not None
    row = parts.reshape(2, len(Column))[0]
    assert row[Column.ENTRIES] == 12
    np.testing.assert_allclose(row[Column.GRADIENT_SQ], 12)
    np.testing.assert_allclose(row[Column.WEIGHT_SQ], 12 * 2.0**2)
    np.testing.assert_allclose(row[Column.CHANGE_SQ], 12 * 0.5**2)


def test_of_whole_parameters_nothing_is_left(store: RankStore) -> None:
    with OtherRanks():
        train(nn.Parameter(torch.zeros(8, 3)))
    assert not any(store.has(f"0/{step}", [0]) for step in range(STEPS))


def test_without_a_store_the_training_goes_on(two_ranks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_ranks, "connect", lambda: None)
    parameter = nn.Parameter(distribute_tensor(torch.zeros(8, 3), two_ranks, [Shard(0)]))
    with OtherRanks():
        train(parameter)
    assert float(parameter.detach().to_local().sum()) == -0.5 * STEPS * 12

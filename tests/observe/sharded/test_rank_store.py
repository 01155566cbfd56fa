"""What processes tell each other waits for nobody, and is read once."""

from __future__ import annotations

import numpy as np
import pytest
from torch import distributed

from unstuck.observe.sharded.rank_store import RankStore, connect

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="PyTorch is built without torch.distributed")


def test_a_process_reads_what_another_has_told():
    store = distributed.HashStore()
    one, other = RankStore(store, rank=0), RankStore(store, rank=1)
    assert not one.has("0/5", [1])
    other.put("0/5", np.array([1.5, np.nan]))
    assert one.has("0/5", [1])
    assert not one.has("0/5", [1, 2])
    np.testing.assert_array_equal(one.get("0/5", 1), [1.5, np.nan])
    assert not one.has("0/5", [1])


def test_of_nobody_nothing_is_waited_for():
    assert RankStore(distributed.HashStore(), rank=0).has("0/5", [])


def test_numbers_are_counted_by_each_process_alike():
    store = distributed.HashStore()
    for exchange in (RankStore(store, rank=0), RankStore(store, rank=1)):
        assert [exchange.next_number() for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    "environment",
    [{}, {"WORLD_SIZE": "1", "RANK": "0"}, {"WORLD_SIZE": "2"}, {"WORLD_SIZE": "2", "RANK": "1", "MASTER_PORT": "x"}],
)
def test_a_process_that_was_not_launched_with_others_has_no_exchange(environment, monkeypatch):
    for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connect.cache_clear()
    try:
        assert connect() is None
    finally:
        connect.cache_clear()

"""What processes leave for each other waits for nobody, is read once, and is missed without an error."""

from __future__ import annotations

import importlib
import time
from datetime import timedelta

import numpy as np
import pytest
from torch import distributed

from unstuck.observe.sharded.rank_store import RankStore, connect

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="PyTorch is built without torch.distributed")


def test_a_process_reads_what_another_has_left() -> None:
    store = distributed.HashStore()
    one, other = RankStore(store, rank=0), RankStore(store, rank=1)
    assert not one.has("0/5", [1])
    other.put("0/5", np.array([1.5, np.nan]))
    assert one.has("0/5", [1])
    assert not one.has("0/5", [1, 2])
    np.testing.assert_array_equal(one.get("0/5", 1), [1.5, np.nan])
    assert not one.has("0/5", [1])


def test_of_nobody_nothing_is_waited_for() -> None:
    assert RankStore(distributed.HashStore(), rank=0).has("0/5", [])


def test_numbers_are_counted_by_each_process_alike() -> None:
    store = distributed.HashStore()
    for own in (RankStore(store, rank=0), RankStore(store, rank=1)):
        assert [own.next_number() for _ in range(3)] == [0, 1, 2]


def test_a_store_whose_process_has_ended_is_neither_an_error_nor_waited_for() -> None:
    server = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    client = distributed.TCPStore("127.0.0.1", server.port, is_master=False, timeout=timedelta(seconds=1))
    own = RankStore(client, rank=1)
    own.put("0/0", np.ones(2))
    assert own.has("0/0", [1])
    del server
    start = time.monotonic()
    for step in range(20):
        own.put(f"0/{step}", np.ones(2))
        assert own.has("0/0", [0]) is False
        assert own.get("0/0", 0) is None
    assert own.failed
    assert time.monotonic() - start < 3.0


def test_the_store_is_the_one_by_which_the_processes_have_met() -> None:
    importlib.import_module("torch.testing._internal.distributed.fake_pg")  # it makes the backend known
    store = distributed.HashStore()
    distributed.init_process_group("fake", store=store, rank=0, world_size=2)
    try:
        own = connect()
        assert own is not None
        assert connect() is own
        own.put("0/0", np.ones(1))
        assert any("unstuck/0/0/0" in key for key in store.list_keys())
    finally:
        distributed.destroy_process_group()
    assert connect() is None


def test_a_process_without_others_has_none() -> None:
    assert connect() is None
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        assert connect() is None
    finally:
        distributed.destroy_process_group()

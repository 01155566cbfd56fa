"""What the parts of a tensor give together is what the whole gives; ``tests/diagnose`` has real ranks."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, distributed, nn
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

from unstuck.observe import blind_spots
from unstuck.observe.sharded import shards
from unstuck.observe.sharded.rank_store import RankStore
from unstuck.observe.updates import Holder
from unstuck.record import signals

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="PyTorch is built without torch.distributed")


def measured(old: Tensor, gradient: Tensor | None, change: Tensor) -> np.ndarray:
    """One rank's row for a part of a parameter."""
    probe = shards.ShardProbe(RankStore(distributed.HashStore(), rank=0))
    with torch.no_grad():
        return probe._measure(old + change, gradient, old).numpy()


def test_uneven_and_empty_parts_add_up_to_the_whole() -> None:
    torch.manual_seed(0)
    old, gradient, change = torch.randn(3, 7, dtype=torch.float64)
    gradient[2] = 0.0
    parts = [slice(0, 4), slice(4, 7), slice(7, 7)]
    whole = shards._whole(np.stack([measured(old[part], gradient[part], change[part]) for part in parts]))
    weight, change = old + change, (old + change) - old
    assert whole[signals.WEIGHT_NORM] == pytest.approx(float(weight.norm()))
    assert whole[signals.GRADIENT_NORM] == pytest.approx(float(gradient.norm()))
    assert whole[signals.GRADIENT_MAX] == pytest.approx(float(gradient.abs().max()))
    assert whole[signals.GRADIENT_ZEROS] == pytest.approx(1 / 7)
    assert whole[signals.UPDATE_RATIO] == pytest.approx(float(change.norm() / weight.norm()))
    cosine = torch.dot(change, gradient) / (change.norm() * gradient.norm())
    assert whole[signals.UPDATE_GRADIENT_COSINE] == pytest.approx(float(cosine))
    assert whole[signals.GRADIENT_NONFINITE] == 0


def test_what_is_not_finite_is_counted_over_the_parts() -> None:
    bad = torch.tensor([1.0, float("nan")])
    rows = np.stack([measured(torch.ones(2), bad, torch.zeros(2)), measured(torch.ones(2), bad, torch.zeros(2))])
    assert shards._whole(rows)[signals.GRADIENT_NONFINITE] == 2


def test_a_part_without_a_gradient_leaves_the_gradient_unknown() -> None:
    rows = np.stack([measured(torch.ones(2), None, torch.ones(2)), measured(torch.ones(2), None, torch.ones(2))])
    whole = shards._whole(rows)
    assert np.isnan(whole[signals.GRADIENT_NORM])
    assert whole[signals.WEIGHT_NORM] == pytest.approx(4.0)


def a_step(mesh: Any, store: Any, *, steps: int = 1) -> shards.GatheredShards:
    """Steps of an optimizer of one sharded parameter, as rank 0 measures them."""
    parameter = nn.Parameter(distribute_tensor(torch.ones(4, 3), mesh, [Shard(0)]))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    gathered = shards.GatheredShards(RankStore(store, rank=0))
    for step in range(steps):
        parameter.grad = torch.ones_like(parameter)
        gathered.before(optimizer)
        optimizer.step()
        sample = {signals.WEIGHT_NORM: [np.nan], signals.GRADIENT_COSINE: 0.5}
        assert gathered.after(step, sample, optimizer, [parameter]) == {signals.GRADIENT_COSINE: 0.5}
    return gathered


def test_a_sample_is_complete_when_the_other_part_comes(two_ranks: Any) -> None:
    store = distributed.HashStore()
    gathered = a_step(two_ranks, store)
    assert list(gathered.complete()) == []
    row = np.full(len(shards.Column), np.nan)
    row[: shards.Column.WEIGHT_NONFINITE + 1] = (6, 16.0, 0)
    RankStore(store, rank=1).put("0/0", np.stack([row, np.full(len(row), np.nan)]))
    ((step, sample),) = gathered.complete()
    assert (step, sample[signals.WEIGHT_NORM], gathered.missed) == (0, [4.0], 0)


@pytest.mark.parametrize("left", [None, np.ones(3)], ids=["nothing", "what is of another optimizer"])
def test_parts_that_never_come_are_missed_within_the_patience(left: Any, two_ranks: Any) -> None:
    store = distributed.HashStore()
    gathered = a_step(two_ranks, store, steps=3)
    if left is not None:
        for step in range(3):
            RankStore(store, rank=1).put(f"0/{step}", left)
    start = time.monotonic()
    samples = dict(gathered.complete(patience=0.2))
    assert time.monotonic() - start < 1.0
    assert [np.isnan(sample[signals.WEIGHT_NORM][0]) for sample in samples.values()] == [True] * 3
    assert gathered.missed == 3


def test_a_store_that_is_gone_is_not_waited_for(two_ranks: Any) -> None:
    gathered = a_step(two_ranks, distributed.HashStore())
    gathered._store.failed = True
    start = time.monotonic()
    assert len(list(gathered.complete(patience=30.0))) == 1
    assert time.monotonic() - start < 5.0


def test_only_the_steps_that_may_still_be_completed_wait(two_ranks: Any) -> None:
    gathered = a_step(two_ranks, distributed.HashStore(), steps=shards.MOST_WAITING + 2)
    assert [step for step, _ in gathered.complete()] == [0, 1]


def test_a_gradient_that_is_cut_in_another_way_is_unknown(two_ranks: Any) -> None:
    parameter = nn.Parameter(distribute_tensor(torch.ones(4, 4), two_ranks, [Shard(0)]))
    optimizer = torch.optim.SGD([parameter])
    parameter.grad = distribute_tensor(torch.ones(4, 4), two_ranks, [Shard(1)])
    probe = shards.ShardProbe(RankStore(distributed.HashStore(), rank=0))
    probe.before(optimizer)
    row = probe.after(optimizer, 0)[0]
    assert row[shards.Column.WEIGHT_SQ] == pytest.approx(8)
    assert np.isnan(row[shards.Column.GRADIENT_SQ])


def test_what_is_missing_of_spread_parameters_is_said(two_ranks: Any) -> None:
    shard = distribute_tensor(torch.ones(4, 4), two_ranks, [Shard(0)])
    replica = distribute_tensor(torch.ones(4, 4), two_ranks, [Replicate()])
    flattened = nn.Parameter(torch.ones(4))
    flattened._fsdp_flattened = True
    assert list(shards.unmeasured([shard, replica], gathered=True)) == []
    assert list(shards.unmeasured([torch.ones(2), replica], gathered=False)) == []
    assert list(shards.unmeasured([shard, replica], gathered=False)) == [blind_spots.SHARDED]
    assert list(shards.unmeasured([flattened], gathered=False)) == [blind_spots.FLATTENED]


@pytest.mark.parametrize("placement", [Shard(0), Replicate()])
def test_shards_are_found_with_and_without_an_optimizer(placement: Any, two_ranks: Any) -> None:
    parameter = nn.Parameter(distribute_tensor(torch.ones(4, 3), two_ranks, [placement]))
    for steps in (torch.optim.SGD([parameter], lr=1.0), Holder([parameter])):
        assert shards.has_shards(steps) is isinstance(placement, Shard)

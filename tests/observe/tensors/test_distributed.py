"""What a process holds of a tensor is read without any other process."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed._functional_collectives import AsyncCollectiveTensor
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard

from unstuck.observe.tensors.distributed import (
    alone,
    is_awaited,
    is_distributed,
    is_readable,
    is_sharded,
    local_only,
    values_here,
    whole_here,
)

LOCAL = torch.arange(6.0).reshape(2, 3)


class Named(Tensor):
    """A subclass that computes as all tensors do."""


class Wrapper(Tensor):
    """A subclass that keeps its values elsewhere."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> Any:
        return Tensor._make_wrapper_subclass(cls, inner.shape)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} was called")


@pytest.mark.parametrize("tensor", [LOCAL, nn.Parameter(LOCAL), LOCAL.as_subclass(Named), LOCAL.to_sparse()])
def test_an_ordinary_tensor_holds_its_own_values(tensor: Tensor) -> None:
    assert is_readable(tensor)
    assert not is_distributed(tensor)
    for values in (values_here(tensor), whole_here(tensor)):
        assert values is not None
        assert not values.requires_grad
        assert torch.equal(values.to_dense(), LOCAL)


def test_of_what_holds_no_values_there_are_none() -> None:
    freed = torch.ones(3)
    freed.untyped_storage().resize_(0)
    for tensor in (freed, torch.ones(3, device="meta"), Wrapper(LOCAL)):
        assert values_here(tensor) is None
        assert not is_readable(tensor)
    assert values_here(torch.ones(1).expand(8)) is not None
    assert values_here(torch.ones(0)) is not None


@pytest.mark.parametrize("flag", ["_fsdp_flattened", "_is_flat_param"])
def test_parameters_of_fsdp1_are_spread_and_their_memory_is_left_alone(flag: str) -> None:
    parameter = nn.Parameter(LOCAL.clone())
    setattr(parameter, flag, True)
    assert is_distributed(parameter)
    assert is_sharded(parameter)
    assert values_here(parameter) is None


def test_a_shard_is_a_part_and_a_replica_is_all(two_ranks: Any) -> None:
    shard = DTensor.from_local(LOCAL, two_ranks, [Shard(0)], run_check=False)
    assert shard.shape == (4, 3)
    assert is_distributed(shard)
    assert is_sharded(shard)
    here = values_here(shard)
    assert here is not None
    assert here.shape == (2, 3)
    assert whole_here(shard) is None
    replica = DTensor.from_local(LOCAL, two_ranks, [Replicate()], run_check=False)
    assert not is_sharded(replica)
    assert (whole_here(replica) == LOCAL).all()
    assert not is_readable(replica), "operations on it may still call on others"


def test_a_summand_says_nothing_of_the_sum(two_ranks: Any) -> None:
    partial = DTensor.from_local(LOCAL, two_ranks, [Partial()], run_check=False)
    assert is_sharded(partial)
    assert values_here(partial) is None


def test_a_result_that_is_awaited_is_not_waited_for(two_ranks: Any) -> None:
    awaited = AsyncCollectiveTensor(LOCAL)
    inside = DTensor.from_local(awaited, two_ranks, [Replicate()], run_check=False)
    for tensor in (awaited, inside):
        assert values_here(tensor) is None
    assert is_awaited(awaited)
    assert not awaited.completed
    awaited.trigger_wait()
    assert not is_awaited(awaited)
    assert (values_here(awaited) == LOCAL).all()


def test_operations_on_spread_tensors_are_refused_while_we_measure(two_ranks: Any) -> None:
    assert not alone()
    shard = DTensor.from_local(LOCAL, two_ranks, [Shard(0)], run_check=False)
    with local_only():
        assert float(values_here(shard).sum()) == 15.0
        for operation in (
            shard.sum,
            shard.isfinite,
            shard.detach,
            lambda: torch.stack([shard]),
            lambda: shard == shard,
        ):
            with pytest.raises(RuntimeError, match="values_here"):
                operation()


def test_one_process_alone_refuses_nothing() -> None:
    assert alone()
    with local_only():
        assert float(AsyncCollectiveTensor(LOCAL).sum()) == 15.0

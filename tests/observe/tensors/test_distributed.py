"""Distributed tensors are recognised by what they are, and nothing that is done while we measure waits for others."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed._functional_collectives import AsyncCollectiveTensor
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard
from torch.utils._python_dispatch import TorchDispatchMode

from unstuck.observe.tensors.distributed import alone, is_awaited, is_distributed, is_sharded, local_only, part_here
from unstuck.observe.tensors.readable import values_here
from unstuck.observe.torch_hooks.events import Ours

LOCAL = torch.arange(6.0).reshape(2, 3)


def test_an_ordinary_tensor_is_of_this_process() -> None:
    for tensor in (LOCAL, nn.Parameter(LOCAL), LOCAL.to_sparse()):
        assert not is_distributed(tensor)
        assert not is_sharded(tensor)
        assert not is_awaited(tensor)
        assert part_here(tensor) is None


@pytest.mark.parametrize("flag", ["_fsdp_flattened", "_is_flat_param"])
def test_parameters_of_fsdp1_are_spread(flag: str) -> None:
    parameter = nn.Parameter(LOCAL.clone())
    setattr(parameter, flag, True)
    assert is_distributed(parameter)
    assert is_sharded(parameter)


@pytest.mark.parametrize(
    ("placement", "sharded", "part"), [(Shard(0), True, True), (Replicate(), False, True), (Partial(), True, False)]
)
def test_a_shard_is_a_part_and_a_replica_is_all_and_a_summand_says_nothing(
    placement: Any, sharded: bool, part: bool, two_ranks: Any
) -> None:
    tensor = DTensor.from_local(LOCAL, two_ranks, [placement], run_check=False)
    assert is_distributed(tensor)
    assert is_sharded(tensor) is sharded
    assert (part_here(tensor) is not None) is part


def test_a_result_is_awaited_until_the_program_has_waited(two_ranks: Any) -> None:
    awaited = AsyncCollectiveTensor(LOCAL)
    inside = DTensor.from_local(awaited, two_ranks, [Replicate()], run_check=False)
    assert is_awaited(awaited)
    assert is_awaited(inside)
    assert part_here(awaited) is None
    assert not awaited.completed
    awaited.trigger_wait()
    assert not is_awaited(awaited)
    assert part_here(awaited) is LOCAL


@pytest.mark.parametrize("ours", [local_only, Ours])
def test_operations_on_spread_tensors_are_refused_while_we_measure(ours: Any, two_ranks: Any) -> None:
    assert not alone()
    shard = DTensor.from_local(LOCAL, two_ranks, [Shard(0)], run_check=False)
    with ours():
        here = values_here(shard)
        assert here is not None
        assert float(here.sum()) == 15.0
        for operation in (
            shard.sum,
            shard.isfinite,
            shard.detach,
            lambda: torch.stack([shard]),
            lambda: shard == shard,
        ):
            with pytest.raises(RuntimeError, match="values_here"):
                operation()
    assert shard.detach().shape == (4, 3)


def test_one_process_alone_refuses_nothing() -> None:
    assert alone()
    with local_only():
        assert float(AsyncCollectiveTensor(LOCAL).sum()) == 15.0


class Passing(TorchDispatchMode):
    """A mode of the program's, which changes nothing."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def test_modes_of_the_program_are_as_they_were(two_ranks: Any) -> None:
    stack = torch.utils._python_dispatch._get_current_dispatch_mode_stack
    with Passing() as outer, Passing() as inner:
        with Ours():
            assert [type(mode).__name__ for mode in stack()] == ["LocalOnly"]
        assert stack() == [outer, inner]
    assert stack() == []


def test_subclasses_and_what_they_wrap_have_no_part_here() -> None:
    class Wrapper(Tensor):
        @staticmethod
        def __new__(cls, inner: Tensor) -> Any:
            return Tensor._make_wrapper_subclass(cls, inner.shape)

        @classmethod
        def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise AssertionError(f"{func} was called")

    assert part_here(Wrapper(LOCAL)) is None

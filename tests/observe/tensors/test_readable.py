"""Which tensors hold values that can be read, and what is read of those that several processes hold."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._functional_collectives import AsyncCollectiveTensor
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard

from unstuck.observe.tensors.readable import are_readable, is_readable, is_real, values_here, whole_here

LOCAL = torch.arange(6.0).reshape(2, 3)


class Subclass(Tensor):
    """Of the user's."""


def fake() -> Tensor:
    with FakeTensorMode():
        return torch.ones(2)


def nested() -> Tensor:
    return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)


def freed() -> Tensor:
    tensor = torch.ones(3)
    tensor.untyped_storage().resize_(0)
    return tensor


def flattened(flag: str) -> Tensor:
    parameter = nn.Parameter(LOCAL.clone())
    setattr(parameter, flag, True)
    return parameter


def test_a_subclass_that_only_says_how_functions_treat_it_is_ordinary_to_us() -> None:
    assert is_readable(torch.ones(2).as_subclass(Subclass))


UNREADABLE = {
    "sparse": lambda: torch.eye(2).to_sparse(),
    "nested": nested,
    "meta": lambda: torch.ones(2, device="meta"),
    "fake": fake,
    "without memory": freed,
    "a view of FSDP1": lambda: flattened("_fsdp_flattened"),
    "all that FSDP1 has": lambda: flattened("_is_flat_param"),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_ordinary_tensor_is_not_readable(make) -> None:
    tensor = make()
    assert not is_readable(tensor)
    assert values_here(tensor) is None
    assert whole_here(tensor) is None


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2),
        torch.ones(()),
        torch.empty(0),
        torch.ones(1).expand(8),
        nn.Parameter(torch.ones(2)),
        nn.Buffer(torch.ones(2)),
        torch.arange(3),
    ],
)
def test_ordinary_ones_are(tensor: Tensor) -> None:
    assert is_readable(tensor)
    for values in (values_here(tensor), whole_here(tensor)):
        assert values is not None
        assert not values.requires_grad
        assert values.data_ptr() == tensor.data_ptr()


@pytest.mark.parametrize(
    ("dtype", "real"),
    [(torch.float16, True), (torch.float64, True), (torch.complex64, True), (torch.int64, False), (torch.bool, False)],
)
def test_numbers_that_can_be_learnt(dtype: torch.dtype, real: bool) -> None:
    assert is_real(torch.ones(2, dtype=dtype)) is real


def test_a_shard_is_a_part_and_a_replica_is_all(two_ranks: Any) -> None:
    shard = DTensor.from_local(LOCAL, two_ranks, [Shard(0)], run_check=False)
    assert shard.shape == (4, 3)
    assert values_here(shard).equal(LOCAL)
    assert whole_here(shard) is None
    replica = DTensor.from_local(LOCAL, two_ranks, [Replicate()], run_check=False)
    assert whole_here(replica).equal(LOCAL)
    assert not is_readable(replica), "operations on it may still call on others"


def test_a_summand_says_nothing_of_the_sum(two_ranks: Any) -> None:
    assert values_here(DTensor.from_local(LOCAL, two_ranks, [Partial()], run_check=False)) is None


def test_a_result_that_is_awaited_is_not_waited_for(two_ranks: Any) -> None:
    awaited = AsyncCollectiveTensor(LOCAL)
    inside = DTensor.from_local(awaited, two_ranks, [Replicate()], run_check=False)
    for tensor in (awaited, inside):
        assert values_here(tensor) is None
    assert not awaited.completed
    awaited.trigger_wait()
    assert values_here(awaited).equal(LOCAL)


@pytest.mark.parametrize("transform", [torch.func.vmap, torch.func.grad])
def test_within_a_transform_nothing_is_read(transform: Any) -> None:
    seen: list[Tensor | None] = []

    def shown(x: Tensor) -> Tensor:
        seen.append(values_here(x))
        return x.square()

    transform(shown)(torch.tensor(2.0) if transform is torch.func.grad else torch.ones(3))
    assert seen == [None]


@pytest.mark.parametrize(
    "other",
    [
        torch.ones(2, device="meta"),
        torch.ones(2).to_sparse(),
        torch.empty(0),
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    ],
    ids=["meta", "sparse", "empty", "nested"],
)
def test_one_that_is_not_readable_is_found_among_many(other: Tensor) -> None:
    plain = [torch.ones(2), nn.Parameter(torch.ones(()))]
    assert are_readable(plain)
    assert are_readable([])
    assert not are_readable([*plain, other])


def test_a_tensor_within_a_transform_is_not_readable() -> None:
    found: list[bool] = []
    torch.func.vmap(lambda x: found.append(are_readable([x])) or x)(torch.ones(3))
    assert found == [False]

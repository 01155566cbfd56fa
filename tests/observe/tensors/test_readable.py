from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from unstuck.observe.tensors.readable import is_readable, is_real


class Subclass(Tensor):
    """Of the user's."""


def fake() -> Tensor:
    with FakeTensorMode():
        return torch.ones(2)


def nested() -> Tensor:
    return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)


UNREADABLE = {
    "sparse": lambda: torch.eye(2).to_sparse(),
    "nested": nested,
    "meta": lambda: torch.ones(2, device="meta"),
    "fake": fake,
    "a subclass": lambda: torch.ones(2).as_subclass(Subclass),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_ordinary_tensor_is_not_readable(make) -> None:
    assert not is_readable(make())


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2),
        torch.ones(()),
        torch.empty(0),
        nn.Parameter(torch.ones(2)),
        nn.Buffer(torch.ones(2)),
        torch.arange(3),
    ],
)
def test_ordinary_ones_are(tensor: Tensor) -> None:
    assert is_readable(tensor)


@pytest.mark.parametrize(
    ("dtype", "real"),
    [(torch.float16, True), (torch.float64, True), (torch.complex64, True), (torch.int64, False), (torch.bool, False)],
)
def test_numbers_that_can_be_learnt(dtype: torch.dtype, real: bool) -> None:
    assert is_real(torch.ones(2, dtype=dtype)) is real

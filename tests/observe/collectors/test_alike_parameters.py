"""Which tensors are reduced together."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from unstuck.observe.collectors import alike_parameters
from unstuck.observe.collectors.alike_parameters import AlikeUpdate, are_alike


class Wrapped(Tensor):
    """A tensor that hands operations on."""


def _flattened() -> Tensor:
    parameter = nn.Parameter(torch.ones(2))
    parameter._fsdp_flattened = True  # pyright: ignore[reportAttributeAccessIssue]
    return parameter


def _given_back() -> Tensor:
    tensor = torch.ones(2)
    tensor.untyped_storage().resize_(0)
    return tensor


@pytest.mark.parametrize(
    "other",
    [
        torch.ones(2).double(),
        torch.ones(2).half(),
        torch.ones(2, dtype=torch.complex64),
        torch.ones(2, device="meta"),
        torch.ones(2).to_sparse(),
        torch.empty(0),
        torch.ones(2).as_subclass(Wrapped),
        FakeTensorMode().from_tensor(torch.ones(2)),
        _flattened(),
        _given_back(),
    ],
    ids=["double", "half", "complex", "meta", "sparse", "empty", "subclass", "fake", "flattened", "given back"],
)
def test_one_that_differs_is_enough(other: Tensor) -> None:
    plain = [nn.Parameter(torch.ones(3)), torch.ones(2, 2)]
    assert are_alike(plain)
    assert not are_alike([*plain, other])
    assert not are_alike([other], plain)


def test_memory_that_was_given_back_cannot_be_reduced() -> None:
    freed = torch.ones(2)
    freed.untyped_storage().resize_(0)
    assert not are_alike([freed])


def test_nothing_is_alike() -> None:
    assert are_alike([])


def test_a_zero_gradient_has_no_direction() -> None:
    weights = [torch.ones(2)]
    update = AlikeUpdate.measure(weights, {0: torch.zeros(2)}, {0: torch.zeros(2)}, 1)
    numbers: list[Any] = [tensor.tolist() for tensor in update.tensors]
    *_, update_norm, cosine = update.columns(*numbers)
    assert update_norm == [pytest.approx(2**0.5)]
    assert cosine == [pytest.approx(float("nan"), nan_ok=True)]


@pytest.mark.parametrize("given", [(0, 1, 2, 3), (0, 1, 3), (0,), ()])
@pytest.mark.parametrize("changed", [(0, 1, 2, 3), (1, 2), ()])
def test_joined_tensors_give_what_each_alone_gives(
    monkeypatch: pytest.MonkeyPatch, given: tuple[int, ...], changed: tuple[int, ...]
) -> None:
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(shape, generator=generator) for shape in ((3,), (4, 5), (1,), (7,))]
    gradients = {i: torch.randn(weights[i].shape, generator=generator).relu() for i in given}
    if 3 in gradients:
        gradients[3][2] = torch.nan
    olds = {i: torch.randn(weights[i].numel(), generator=generator) for i in changed}
    columns: list[Tensor] = []
    for small in (1_024, 0):
        monkeypatch.setattr(alike_parameters, "SMALL_VALUES", small)
        update = AlikeUpdate.measure(weights, gradients, olds, 1)
        numbers: list[Any] = [tensor.tolist() for tensor in update.tensors]
        columns.append(torch.tensor(update.columns(*numbers)))
    torch.testing.assert_close(*columns, equal_nan=True)

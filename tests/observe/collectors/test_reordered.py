"""Which calls put entries in another order, and which tensors hold the same data."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.reordered import Reordered, order_of, same_data
from unstuck.observe.user_code.frames import Site

ROWS = torch.arange(12).reshape(4, 3)
ORDER = torch.tensor([2, 0, 3, 1])
PICK = Tensor.__getitem__


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (PICK, (ROWS, ORDER), {}),
        (PICK, (ROWS, (ORDER, Ellipsis)), {}),
        (torch.index_select, (ROWS, 0, ORDER), {}),
        (Tensor.index_select, (ROWS,), {"dim": 0, "index": ORDER.int()}),
    ],
)
def test_an_order_is_recognised_in_each_spelling(function: Any, args: Any, kwargs: dict[str, Any]) -> None:
    found = order_of(function, args, kwargs)
    assert found is not None
    assert found[1].tolist() == ORDER.tolist()


@pytest.mark.parametrize(
    "args",
    [
        (ROWS, torch.arange(4)),
        (ROWS, torch.tensor([1, 1, 2, 0])),
        (ROWS, torch.tensor([3, 1, 2])),
        (ROWS, 2),
        (ROWS.T, (slice(None), ORDER)),
        (ROWS, (slice(1, None), ORDER)),
        (ROWS, (ORDER, ORDER)),
        (ROWS, torch.tensor([True, False, True, True])),
        (torch.tensor(1.0), ORDER),
        (ROWS.to("meta"), ORDER),
        (ROWS, torch.tensor([-1, -2, -4, -3])),
    ],
)
def test_what_picks_otherwise_is_no_order(args: Any) -> None:
    assert order_of(PICK, args, {}) is None


@pytest.mark.parametrize(("result", "is_sorted"), [([7, 5, 5, 2], True), ([1, 2, 9, 9], True), ([1, 3, 2, 4], False)])
def test_what_examples_are_sorted_by_is_sorted_itself(result: list[int], is_sorted: bool) -> None:
    values = torch.tensor(result)
    assert Reordered(values, values, ORDER, Site()).is_sorted is is_sorted


def test_the_same_data_may_have_another_type_and_shape() -> None:
    assert same_data(ROWS.float().flatten(), [ORDER, ROWS])
    assert not same_data(ROWS, [ROWS + 1])
    assert not same_data(ROWS, [ROWS.to("meta")])

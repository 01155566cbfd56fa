"""Arguments of attention by their names, and masks with all their axes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from unstuck.observe.collectors.attention_arguments import Mask, given_to, masks_of_module, masks_of_product

QUERY = torch.ones(2, 3, 5, 4)


@pytest.mark.parametrize(
    ("query", "mask", "shape"),
    [
        (QUERY, torch.ones(5, 5), (1, 1, 5, 5)),
        (QUERY, torch.ones(3, 5, 5), (1, 3, 5, 5)),
        (QUERY, torch.ones(2, 1, 1, 5), (2, 1, 1, 5)),
        (QUERY[:, 0], torch.ones(2, 5, 5), (2, 1, 5, 5)),
    ],
    ids=["pairs", "heads", "keys", "no heads"],
)
def test_masks_of_a_product_have_all_axes(query: Tensor, mask: Tensor, shape: tuple[int, ...]) -> None:
    found = masks_of_product(given_to(F.scaled_dot_product_attention, (query, query, query, mask), {}))
    assert found is not None
    assert [tuple(one.values.shape) for one in found] == [shape]


@pytest.mark.parametrize("unread", [QUERY.to("meta"), QUERY[None]], ids=["meta", "five axes"])
def test_a_mask_that_cannot_be_read_is_not_taken_for_none(unread: Tensor) -> None:
    assert masks_of_product({"query": QUERY, "attn_mask": unread}) is None
    assert masks_of_product({"query": QUERY}) == []


def test_both_masks_of_a_module_have_all_axes() -> None:
    given: dict[str, Any] = {
        "num_heads": 3,
        "attn_mask": torch.ones(6, 5, 5),
        "key_padding_mask": torch.zeros(2, 5, dtype=torch.bool),
    }
    found = masks_of_module(given, 2)
    assert found is not None
    assert [tuple(one.values.shape) for one in found] == [(2, 3, 5, 5), (2, 1, 1, 5)]
    assert masks_of_module({**given, "attn_mask": torch.ones(5, 5, device="meta")}, 2) is None


@pytest.mark.parametrize(
    ("mask", "shows"),
    [
        (torch.tensor([True, False]), True),
        (torch.tensor([False, True]), False),
        (torch.tensor([0.0, -torch.inf]), True),
    ],
)
def test_each_kind_of_mask_allows_and_hides_the_same(mask: Tensor, shows: bool) -> None:
    one = Mask(mask, shows, mask)
    assert one.allowed(mask, below=-20.0).tolist() == [True, False]
    assert one.applied(torch.zeros(2), mask).tolist() == [0.0, -torch.inf]

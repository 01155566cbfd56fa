"""Logits of a few rows, compared with the weights that PyTorch computes from all of them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.collectors.attention_logits import by_head, of_module, of_product, of_softmax


def weights_of(query: Tensor, key: Tensor, **kwargs: Any) -> Tensor:
    """What PyTorch's function weighs keys by: values that are the unit vectors show it."""
    value = torch.eye(key.shape[-2]).expand(*key.shape[:-1], key.shape[-2])
    return functional.scaled_dot_product_attention(query, key, value, **kwargs)


MASKS = {
    "none": {},
    "causal": {"is_causal": True},
    "boolean": {"attn_mask": torch.ones(6, 6, dtype=torch.bool).tril()},
    "added": {"attn_mask": torch.full((6, 6), -torch.inf).triu(1)},
    "by example": {"attn_mask": torch.arange(6) < torch.tensor([6, 3]).reshape(2, 1, 1, 1)},
    "scaled": {"scale": 3.0},
}


@pytest.mark.parametrize("mask", MASKS)
def test_logits_of_a_product_give_the_weights_that_pytorch_uses(mask: str) -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 3, 6, 4), torch.randn(2, 3, 6, 4)
    logits = of_product((query, key, key), MASKS[mask])
    assert logits is not None
    torch.testing.assert_close(logits.softmax(dim=-1), weights_of(query, key, **MASKS[mask]))


def test_fewer_heads_of_keys_are_shared_by_those_of_queries() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 4, 6, 4), torch.randn(2, 2, 6, 4)
    logits = of_product((query, key, key), {"enable_gqa": True})
    assert logits is not None
    torch.testing.assert_close(logits.softmax(dim=-1), weights_of(query, key, enable_gqa=True))


def test_of_long_sequences_and_large_batches_some_rows_are_looked_at() -> None:
    query = torch.randn(9, 2, 100, 4)
    logits = of_product((query, query, query), {"is_causal": True})
    assert logits is not None
    assert logits.shape == (8, 2, 15, 100)
    assert (logits[:, :, -1] > -torch.inf).all(), "the last query sees every key"


@pytest.mark.parametrize("masked", ["none", "causal", "padding", "by head"])
@pytest.mark.parametrize("apart", [False, True])
def test_logits_of_the_module_give_its_weights(masked: str, apart: bool) -> None:
    torch.manual_seed(0)
    module = nn.MultiheadAttention(8, 2, kdim=6 if apart else None, vdim=6 if apart else None)
    query, key = torch.randn(5, 2, 8), torch.randn(7, 2, 6 if apart else 8)
    kwargs: dict[str, Any] = {}
    if masked == "causal":
        kwargs["attn_mask"] = torch.ones(5, 7, dtype=torch.bool).triu(1)
    elif masked == "padding":
        kwargs["key_padding_mask"] = torch.arange(7) >= torch.tensor([[7], [4]])
    elif masked == "by head":
        kwargs["attn_mask"] = torch.randn(4, 5, 7)
    seen: list[tuple[Any, Any]] = []

    class Overhear(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is functional.multi_head_attention_forward:
                seen.append((args, kwargs or {}))
            return func(*args, **(kwargs or {}))

    with Overhear():
        _, expected = module(query, key, key, average_attn_weights=False, **kwargs)
    logits = of_module(*seen[0])
    assert logits is not None
    torch.testing.assert_close(logits.softmax(dim=-1), expected.detach())


def test_masks_of_every_spelling_are_no_logits() -> None:
    for hidden in (-torch.inf, -1e9, torch.finfo(torch.float16).min, -1e4):
        values = torch.tensor([[[5.0, hidden, 5.0]]])
        logits = of_softmax(values)
        assert logits is not None
        torch.testing.assert_close(by_head(logits), torch.tensor([[5.0, 1.0]]))
    assert of_softmax(torch.ones(3, 4)) is None


def test_entropy_is_a_share_of_that_of_all_keys_that_a_query_sees() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 5)
    logits[..., 3:] = -torch.inf
    logits[:, :, 0, 1:] = -torch.inf  # sees one key, which has no entropy
    entropy = -(logits.softmax(-1) * logits.softmax(-1).clamp_min(1e-30).log()).sum(-1)[:, :, 1:]
    found = by_head(logits)
    torch.testing.assert_close(found[:, 1], (entropy / math.log(3)).mean(dim=(0, 2)))
    torch.testing.assert_close(found[:, 0], logits.amax(dim=(0, 2, 3)))


@pytest.mark.parametrize("values", [torch.empty(0, 2, 3, 4), torch.ones(2, 2, 3, 4, device="meta"), torch.ones(4)])
def test_what_cannot_be_read_has_no_logits(values: Tensor) -> None:
    assert of_product((values, values, values), {}) is None
    assert of_softmax(values) is None

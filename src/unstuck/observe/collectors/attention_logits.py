"""Logits of attention, recomputed for a few query rows of a few examples: what there is to see at little cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.collectors.attention_arguments import given_to, masks_of_module, masks_of_product, with_heads
from unstuck.observe.tensors.readable import whole_here

__all__ = ["MASKED", "by_head", "of_module", "of_product", "of_softmax"]

EXAMPLES = 8
ROWS = 16
"""Queries of each example that are looked at, evenly spread, the last among them."""

MASKED = -9e3
"""Logits below which a key is taken for masked: -inf, -1e9, -1e4 and the least numbers of half precisions are usual."""


def of_product(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | None:
    """Logits of a call of ``scaled_dot_product_attention``.

    Args:
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Returns:
        Shape (examples, heads, rows, keys), float32, ``-inf`` where masked; None where they cannot be read here.

    Examples:
        >>> query = torch.ones(1, 2, 3, 4)
        >>> of_product((query, query, query), {"is_causal": True})[0, 0]
        tensor([[2., -inf, -inf],
                [2., 2., -inf],
                [2., 2., 2.]])
    """
    given = given_to(functional.scaled_dot_product_attention, args, kwargs)
    query, key = _read(given.get("query")), _read(given.get("key"))
    if query is None or key is None or query.dim() < 2 or not query.numel() or not key.numel():
        return None
    query, key = _four(query), _four(key)
    length, keys = query.shape[-2], key.shape[-2]
    picked, rows = _spread(length), _examples(len(query))
    scale = given.get("scale")
    few = query[rows][:, :, picked].float() * (query.shape[-1] ** -0.5 if scale is None else scale)
    theirs = key[rows].float()
    logits = few @ theirs.repeat_interleave(few.shape[1] // theirs.shape[1], dim=1).transpose(-2, -1)
    if given.get("is_causal"):
        later = torch.arange(keys, device=query.device) > torch.arange(length, device=query.device)[picked, None]
        logits = logits.masked_fill(later, -torch.inf)
    masks = masks_of_product(given)
    if masks is None:
        return None
    for mask in masks:
        whole = torch.broadcast_to(mask.values, (*query.shape[:2], length, keys))
        logits = mask.applied(logits, whole[rows][:, :, picked])
    return _masked(logits)


def of_module(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | None:
    """Logits of a call of ``multi_head_attention_forward``, in the shape that :func:`of_product` gives.

    The keys of eight examples are projected anew, and of their queries a few.
    """
    given = given_to(functional.multi_head_attention_forward, args, kwargs)
    query, key, heads = _read(given["query"]), _read(given["key"]), int(given["num_heads"])
    weights = _projections(given)
    if query is None or key is None or weights is None or not query.numel() or not key.numel():
        return None
    if any(given.get(name) is not None for name in ("bias_k", "static_k")):
        return None
    query, key = (values.unsqueeze(1) if values.dim() == 2 else values for values in (query, key))
    count, length = query.shape[1], query.shape[0]
    picked, examples = _spread(length), _examples(count)
    (of_query, of_key), (shift_query, shift_key) = weights
    few = _heads(functional.linear(query[picked][:, examples].float(), of_query, shift_query), heads)
    theirs = _heads(functional.linear(key[:, examples].float(), of_key, shift_key), heads)
    logits = few @ theirs.transpose(-2, -1) * few.shape[-1] ** -0.5
    masks = masks_of_module(given, count)
    if masks is None:
        return None
    for mask in masks:
        whole = mask.values.expand(count, -1, -1, -1)[examples]
        logits = mask.applied(logits, whole[:, :, picked] if whole.shape[2] > 1 else whole)
    return _masked(logits)


def of_softmax(values: Tensor) -> Tensor | None:
    """The logits that a softmax over the last axis is given: (batch, queries, keys), or with heads before the queries.

    Examples:
        >>> of_softmax(torch.tensor([[[0.0, -1e9], [1.0, 2.0]]]))
        tensor([[[[0., -inf],
                  [1., 2.]]]])
    """
    known = _read(values)
    if known is None or known.dim() not in (3, 4) or not known.numel():
        return None
    known = _four(known)
    return _masked(known[_examples(len(known))][:, :, _spread(known.shape[-2])].float())


def by_head(logits: Tensor) -> Tensor:
    r"""The largest logit and the entropy of each head, shape (heads, 2).

    .. math::
        \max_{ij} l_{ij}, \qquad
        \frac 1 n \sum_i \frac{-\sum_j p_{ij} \ln p_{ij}}{\ln m_i}, \quad p_i = \mathrm{softmax}(l_i)

    with :math:`m_i` keys that query :math:`i` sees; queries that see one key have no entropy.

    Args:
        logits: Shape (examples, heads, rows, keys), ``-inf`` where masked.

    Examples:
        >>> by_head(torch.zeros(1, 1, 1, 5))
        tensor([[0., 1.]])
        >>> by_head(torch.tensor([[[[0.0, 100.0, -math.inf]]]]))
        tensor([[100.,   0.]])
    """
    seen = (logits > -torch.inf).sum(dim=-1)
    entropy = torch.special.entr(logits.softmax(dim=-1)).sum(dim=-1) / seen.clamp_min(2).float().log()
    counted = seen > 1
    mean = torch.where(counted, entropy, 0.0).sum(dim=(0, 2)) / counted.sum(dim=(0, 2))
    return torch.stack([logits.amax(dim=(0, 2, 3)), mean], dim=-1)


def _read(values: Any) -> Tensor | None:
    return whole_here(values) if isinstance(values, Tensor) else None


def _four(values: Tensor) -> Tensor:
    """With one axis of examples and one of heads before the last two."""
    if values.dim() < 4:
        values = with_heads(values)
    return values.reshape(math.prod(values.shape[:-3]), *values.shape[-3:])


def _spread(length: int) -> slice:
    stride = -(-length // ROWS)
    return slice((length - 1) % stride, None, stride)


def _examples(count: int) -> slice:
    stride = max(1, count // EXAMPLES)
    return slice(0, stride * (EXAMPLES - 1) + 1, stride)


def _masked(logits: Tensor) -> Tensor:
    return logits.masked_fill(logits <= MASKED, -torch.inf)


def _heads(values: Tensor, heads: int) -> Tensor:
    """From (length, examples, width) to (examples, heads, length, width of a head)."""
    length, examples, width = values.shape
    return values.reshape(length, examples, heads, width // heads).permute(1, 2, 0, 3)


def _projections(given: Mapping[str, Any]) -> tuple[tuple[Tensor, Tensor], tuple[Tensor | None, Tensor | None]] | None:
    """The weights and shifts that make queries and keys."""
    width, bias = int(given["embed_dim_to_check"]), _read(given.get("in_proj_bias"))
    joint = _read(given.get("in_proj_weight"))
    own = [_read(given.get(name)) for name in ("q_proj_weight", "k_proj_weight")]
    weights = (joint[:width], joint[width : 2 * width]) if joint is not None else (own[0], own[1])
    if weights[0] is None or weights[1] is None:
        return None
    shifts = (None, None) if bias is None else (bias[:width].float(), bias[width : 2 * width].float())
    return (weights[0].float(), weights[1].float()), shifts

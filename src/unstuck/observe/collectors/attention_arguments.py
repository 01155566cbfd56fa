"""What an attention of PyTorch's is called with: queries, keys, and which of these may be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.tensors.readable import whole_here

__all__ = ["ARGUMENTS", "HEADED", "Mask", "given_to", "masks_of_module", "masks_of_product", "with_heads"]

HEADED = 4
"""Axes of scores: examples, heads, queries and keys."""

_PRODUCT: Any = functional.scaled_dot_product_attention
_MODULE: Any = functional.multi_head_attention_forward

ARGUMENTS: Mapping[Callable[..., Any], tuple[str, ...]] = {
    _PRODUCT: ("query", "key", "value", "attn_mask", "dropout_p", "is_causal"),
    _MODULE: (
        *("query", "key", "value", "embed_dim_to_check", "num_heads", "in_proj_weight", "in_proj_bias", "bias_k"),
        *("bias_v", "add_zero_attn", "dropout_p", "out_proj_weight", "out_proj_bias", "training"),
        *("key_padding_mask", "need_weights", "attn_mask"),
    ),
}
"""The functions that compute attention, and the names of their positional arguments."""


@dataclass(frozen=True)
class Mask:
    """A mask of attention.

    Attributes:
        values: Its values, with axes of examples, heads, queries and keys, of one entry where it is the same for all.
        shows: Whether a boolean mask is True where a key is looked at; else it is where one is left out.
        own: The mask as it was given.
    """

    values: Tensor
    shows: bool
    own: Tensor

    def allowed(self, part: Tensor, *, below: float) -> Tensor:
        """Where keys may be looked at, in some part of the values.

        Args:
            part: The part.
            below: What is added to a score that leaves nothing of its weight.
        """
        if part.dtype != torch.bool:
            return part > below
        return part if self.shows else ~part

    def applied(self, logits: Tensor, part: Tensor) -> Tensor:
        """Scores with some part of the mask."""
        if part.dtype != torch.bool:
            return logits + part.float()
        return logits.masked_fill(~part if self.shows else part, -torch.inf)


def given_to(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by their names.

    Args:
        function: One of :data:`ARGUMENTS`.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Examples:
        >>> given_to(functional.scaled_dot_product_attention, (1, 2), {"value": 3})
        {'query': 1, 'key': 2, 'value': 3}
    """
    return {**dict(zip(ARGUMENTS[function], args, strict=False)), **kwargs}


def masks_of_product(given: Mapping[str, Any]) -> list[Mask] | None:
    """The masks that ``scaled_dot_product_attention`` is given; None where one cannot be read here.

    Args:
        given: Its arguments by name.
    """
    query, mask = given.get("query"), given.get("attn_mask")
    if mask is None:
        return []
    values = whole_here(mask) if isinstance(mask, Tensor) else None
    if values is None or not isinstance(query, Tensor) or values.dim() > HEADED:
        return None
    beside_examples = query.dim() == values.dim() < HEADED
    return [Mask(with_heads(values) if beside_examples else values[(None,) * (HEADED - values.dim())], True, mask)]


def masks_of_module(given: Mapping[str, Any], examples: int) -> list[Mask] | None:
    """The masks that ``multi_head_attention_forward`` is given; None where one cannot be read here.

    Args:
        given: Its arguments by name.
        examples: How many examples there are.
    """
    found = [*_of_module(given, examples)]
    return None if any(mask is None for mask in found) else [mask for mask in found if mask is not None]


def _of_module(given: Mapping[str, Any], examples: int) -> Iterator[Mask | None]:
    pairs, padding = given.get("attn_mask"), given.get("key_padding_mask")
    if isinstance(pairs, Tensor):
        values = whole_here(pairs)
        heads = given["num_heads"] if pairs.dim() == HEADED - 1 else 1
        yield None if values is None else Mask(values.reshape(-1, heads, *values.shape[-2:]), False, pairs)
    if isinstance(padding, Tensor):
        values = whole_here(padding)
        yield None if values is None else Mask(values.reshape(examples, 1, 1, -1), False, padding)


def with_heads(values: Tensor) -> Tensor:
    """Values of each example with an axis of one head."""
    return values.unsqueeze(-HEADED + 1)

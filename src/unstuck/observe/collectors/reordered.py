"""Tensors whose entries a program puts in another order, such as sequences that it sorts by their lengths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import Site

__all__ = ["FEWEST", "PICKS", "Reordered", "order_of", "same_data"]

FEWEST = 4
"""Entries of which an order is asked."""

MOST_ENTRIES = 1 << 16

PICKS: frozenset[Any] = frozenset({torch.index_select, Tensor.index_select, Tensor.__getitem__})
"""Functions that may do it."""

WHOLE = slice(None)


@dataclass(frozen=True)
class Reordered:
    """One such tensor, by its first axis.

    Attributes:
        source: What it was.
        result: What it has become.
        order: Where in the source each entry of the result stood.
        site: The call that did it.
    """

    source: Tensor
    result: Tensor
    order: Tensor
    site: Site

    @property
    def is_sorted(self) -> bool:
        """Whether it is that by which examples are sorted."""
        steps = self.result.diff() if self.result.dim() == 1 else None
        return steps is not None and (bool((steps <= 0).all()) or bool((steps >= 0).all()))


def order_of(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Tensor] | None:
    """What a call puts in another order, and that order; None where it does something else.

    Args:
        function: One of :data:`PICKS`.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Examples:
        >>> rows, order = torch.arange(8).reshape(4, 2), torch.tensor([2, 0, 3, 1])
        >>> order_of(Tensor.__getitem__, (rows, order), {})[1].tolist()
        [2, 0, 3, 1]
        >>> order_of(Tensor.__getitem__, (rows, torch.tensor([0, 0, 1, 2])), {}) is None
        True
    """
    source = args[0] if args else kwargs.get("input")
    if not isinstance(source, Tensor) or source.dim() < 1:
        return None
    index = _picked(function, args[1:], kwargs)
    if not isinstance(index, Tensor) or index.dim() != 1 or index.dtype not in (torch.int64, torch.int32):
        return None
    if not FEWEST <= len(index) <= MOST_ENTRIES or len(source) != len(index):
        return None
    if not is_readable(source) or not is_readable(index):
        return None
    there = torch.arange(len(index), device=index.device)
    index = index.detach()
    moved = not torch.equal(index, there) and torch.equal(index.sort().values, there.to(index.dtype))
    return (source, index) if moved else None


def _picked(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """By which index a call picks along the first axis; None where it does otherwise."""
    if function is not Tensor.__getitem__:
        axis = kwargs.get("dim", args[0] if args else None)
        return kwargs.get("index", args[1] if len(args) > 1 else None) if axis == 0 else None
    index = args[0] if args else None
    first, *others = index if isinstance(index, tuple) and index else (index,)
    whole = all(part is Ellipsis or (isinstance(part, slice) and part == WHOLE) for part in others)
    return first if whole else None


def same_data(one: Tensor, others: Iterable[Tensor]) -> bool:
    """Whether a tensor holds the numbers of one of some others, in the same order, whatever their types.

    Args:
        one: The tensor.
        others: Those that it may be made of.
    """
    for other in others:
        if one.numel() != other.numel():
            continue
        if one.data_ptr() == other.data_ptr():
            return True
        if is_readable(one) and is_readable(other) and one.device == other.device:
            flat, theirs = one.detach().reshape(-1), other.detach().reshape(-1)
            if torch.equal(flat.double(), theirs.double()):
                return True
    return False

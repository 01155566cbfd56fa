"""Follow one axis of a result back through the autograd graph, past operations that only move values."""

from __future__ import annotations

import math
from typing import Any

import torch

from unstuck.observe.autograd.graph import TRANSPARENT, operation, saved

__all__ = ["axis_before", "followed", "result_shape", "signed"]

JOINED = frozenset({"View", "Reshape", "ReshapeAlias", "UnsafeView", "Flatten", "Squeeze", "AsStrided"})
SAME = frozenset({"Clone", "Contiguous", "ToCopy", "Alias", "Slice", "Split", "SplitWithSizes"})
SWAPPED = frozenset({"T", "Mt", "MT"})


def signed(number: int) -> int:
    """A number that autograd stores as an unsigned one."""
    return number - 2**64 if number >= 2**63 else number


def result_shape(node: Any, number: int = 0) -> tuple[int, ...]:
    """Shape of a result of a node's operation; empty where autograd does not say, and of nested tensors."""
    known = getattr(node, "_input_metadata", ())
    if number >= len(known) or known[number].is_nested_tensor:
        return ()
    return tuple(int(length) for length in known[number].shape)


def axis_before(node: Any, axis: int) -> int | None:
    """The axis of what went into an operation of :data:`.graph.TRANSPARENT`, for one of its result.

    Args:
        node: The operation, with one input.
        axis: An axis of its result, from 0, with more than one entry.

    Returns:
        The axis that it was; None where it was part of another, or joined of several, or cannot be told.
    """
    successor, number = node.next_functions[0]
    after, before = result_shape(node), result_shape(successor, number)
    name = operation(node)
    if not before or axis >= len(after) or after[axis] < 2:
        return None
    dims = len(after)
    if name in SAME:
        return axis
    if name in SWAPPED:
        return 1 - axis if dims == 2 else None
    if name == "Expand":
        moved = axis - dims + len(before)
        return moved if moved >= 0 and before[moved] == after[axis] else None
    if name == "Transpose":
        one, other = signed(node._saved_dim0) % dims, signed(node._saved_dim1) % dims
        return {one: other, other: one}.get(axis, axis)
    if name == "Permute":
        return signed(node._saved_dims[axis]) % dims
    if name == "Unsqueeze":
        return axis - (axis > signed(node._saved_dim) % dims)
    if name in ("Select", "Unbind"):
        return axis + (axis >= signed(node._saved_dim) % len(before))
    if name == "Index":
        return _indexed(node, axis, before, after)
    return _rejoined(axis, before, after) if name in JOINED else None


def _indexed(node: Any, axis: int, before: tuple[int, ...], after: tuple[int, ...]) -> int | None:
    """The last axes, where only the first ones were picked from."""
    indices = saved(node, "_saved_indices")
    if indices is None:
        return None
    taken = sum(1 if index is None else max(1, index.dim() * (index.dtype is torch.bool)) for index in indices)
    kept = len(before) - taken
    moved = axis - len(after) + len(before)
    return moved if kept > 0 and axis >= len(after) - kept and before[moved] == after[axis] else None


def _rejoined(axis: int, before: tuple[int, ...], after: tuple[int, ...]) -> int | None:
    """The axis of as many entries with as many values behind it, where a view has left one whole."""
    behind = math.prod(after[axis + 1 :])
    for candidate, length in enumerate(before):
        if length == after[axis] and math.prod(before[candidate + 1 :]) == behind:
            return candidate
    return None


def followed(node: Any, axis: int) -> tuple[Any, int | None]:
    """The operation that computed a node's values, past those that move them, and what the axis was in its result."""
    found: int | None = axis
    while node is not None and operation(node) in TRANSPARENT and node.next_functions:
        found = None if found is None else axis_before(node, found)
        node = node.next_functions[0][0]
    return node, found

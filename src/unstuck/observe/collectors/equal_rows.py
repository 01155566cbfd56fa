"""Does a tensor that is added to sequences of vectors hold the same at all of their positions?"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unstuck.observe.autograd.axes import result_shape
from unstuck.observe.autograd.graph import operation, producer, saved
from unstuck.observe.tensors.readable import is_readable

__all__ = ["equal_along", "looked_up"]

AXES = 3
"""Axes of sequences of vectors: examples and positions, in either order, and features."""


def equal_along(part: Tensor, whole: Tensor) -> dict[int, bool]:
    """The lengths that a summand has of a sum, of its positions or examples: whether all their entries are the same.

    Args:
        part: The summand, whose shape is to be broadcast.
        whole: The sum, shape (examples, positions, features) or (positions, examples, features).

    Examples:
        >>> import torch
        >>> equal_along(torch.arange(6.0).view(1, 2, 3), torch.ones(4, 2, 3))
        {2: False}
        >>> equal_along(torch.arange(3.0).expand(2, 3), torch.ones(4, 2, 3))
        {2: True}
    """
    if not 2 <= part.dim() <= AXES or not is_readable(part) or not part.numel():
        return {}
    values = part.detach()
    values, found = values if values.dim() == AXES else values.unsqueeze(0), dict[int, bool]()
    for axis, length in enumerate(whole.shape[:2]):
        if values.shape[axis] == length > 1:
            found[length] = found.get(length, True) and _same(values, axis)
    return found


def _same(values: Tensor, axis: int) -> bool:
    """Whether all entries of an axis are the first one; two of them, which seldom are, tell of most tensors."""
    first = values.narrow(axis, 0, 1)
    return bool((values.narrow(axis, 1, 1) == first)[:1, :1].all()) and bool((values == first).all())


def looked_up(part: Tensor, length: int) -> int | None:
    """Rows of the table that one id is looked up in for each of some positions; None where it was made otherwise.

    A table that is shorter than sequences is none of positions.
    """
    node = producer(part)
    if node is None or operation(node) != "Embedding" or not node.next_functions:
        return None
    ids, table = saved(node, "_saved_indices"), node.next_functions[0][0]
    rows = _rows(table)
    if not isinstance(ids, Tensor) or ids.numel() < length or rows < length or bool((ids != ids.reshape(-1)[0]).any()):
        return None
    return rows


def _rows(table: Any) -> int:
    variable = getattr(table, "variable", None)
    shape = tuple(variable.shape) if isinstance(variable, Tensor) else result_shape(table)
    return shape[0] if shape else 0

"""Which way a loss moves what it is made of: the sign by which a node enters it."""

from __future__ import annotations

from typing import Any

from unstuck.observe.autograd.graph import TRANSPARENT, operation
from unstuck.observe.autograd.reductions import SCALINGS, constant

__all__ = ["directions"]

KEEPING = TRANSPARENT | {"Add", "Mean", "Sum", "Minimum", "Maximum", "Min", "Max", "Stack", "Cat", "Where", "Clamp"}
"""Operations that rise with whatever goes into them."""

MOST_NODES = 2_000


def directions(root: Any, wanted: set[Any]) -> dict[Any, int]:
    """The signs by which nodes enter a number, 1 where it rises with them and -1 where it falls; those that are known.

    Args:
        root: The node of the number, before its backward pass.
        wanted: The nodes.

    Examples:
        >>> import torch
        >>> x = torch.ones(3, requires_grad=True)
        >>> up, down = x.exp(), x.sin()
        >>> found = directions((up.mean() - 0.5 * down.sum()).grad_fn, {up.grad_fn, down.grad_fn})
        >>> found[up.grad_fn], found[down.grad_fn]
        (1, -1)
    """
    found: dict[Any, int] = {}
    signs, queue = {root: 1}, [root]
    for node in queue:
        if node in wanted:
            found[node] = signs[node]
        for place, (successor, _) in enumerate(node.next_functions):
            if successor is None or successor in signs or len(queue) >= MOST_NODES:
                continue
            sign = _sign(node, place)
            if sign:
                signs[successor] = sign * signs[node]
                queue.append(successor)
    return found


def _sign(node: Any, place: int) -> int:
    """The sign by which one of its arguments enters a node; 0 where that is not known."""
    name = operation(node)
    if name in KEEPING:
        return 1
    if name in ("Sub", "Rsub"):
        return -1 if (place == 1) == (name == "Sub") else 1
    if name in SCALINGS and sum(successor is not None for successor, _ in node.next_functions) == 1:
        return -1 if constant(node) < 0.0 else 1
    return 0

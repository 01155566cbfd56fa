"""Whether values can pass from an input to an output as they are: a way through the graph that is never narrower."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.axes import result_shape
from unstuck.observe.autograd.graph import operation, saved

__all__ = ["leads_whole"]

MOST_NODES = 5_000

FACTORS = ("_saved_mat1", "_saved_input")
"""Under which names layers keep what they were given."""

ADDITIONS, JOINS = frozenset({"Add", "Sub", "Rsub"}), frozenset({"Cat"})
"""Operations that keep nothing of what they were given: shortcuts past a network, and data beside what is learnt."""

PICTURE = 4
"""Dimensions of a batch of pictures."""


def leads_whole(output: Tensor, source: Tensor) -> bool:
    """Whether some way from a batch of data to an output has as many values, and pixels, everywhere as the batch.

    A way through a layer with fewer values, or with pictures of fewer pixels, cannot carry the batch whole.

    Args:
        output: What a network made of the batch, with its graph.
        source: The batch, which asks for no gradient.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> x = torch.ones(5, 8)
        >>> wide, narrow = (nn.Sequential(nn.Linear(8, k), nn.ReLU(), nn.Linear(k, 8)) for k in (16, 3))
        >>> leads_whole(wide(x), x), leads_whole(narrow(x), x)
        (True, False)
    """
    if output.grad_fn is None:
        return False
    seen, queue = {output.grad_fn}, deque([output.grad_fn])
    while queue and len(seen) < MOST_NODES:
        node = queue.popleft()
        if any(successor is None for successor, _ in node.next_functions) and _takes(node, source):
            return True
        for successor, number in node.next_functions:
            if successor is not None and successor not in seen and _as_wide(result_shape(successor, number), source):
                seen.add(successor)
                queue.append(successor)
    return False


def _takes(node: Any, source: Tensor) -> bool:
    """Whether a node was given data as large as the batch: the batch itself, views of it, or what was made of it."""
    if operation(node) in ADDITIONS:
        return result_shape(node) == tuple(source.shape)
    kept = [tensor for name in FACTORS if isinstance(tensor := saved(node, name), Tensor)]
    return operation(node) in JOINS or any(not one.requires_grad and one.numel() >= source.numel() for one in kept)


def _as_wide(shape: tuple[int, ...], source: Tensor) -> bool:
    if not shape or math.prod(shape) < source.numel():
        return False
    pictures = len(shape) == source.dim() == PICTURE
    return not pictures or math.prod(shape[2:]) >= math.prod(source.shape[2:])

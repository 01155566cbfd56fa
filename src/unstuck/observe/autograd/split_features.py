"""Do the queries of an attention stand for parts of the features of one position, and not for positions?"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.axes import axis_before, result_shape
from unstuck.observe.autograd.graph import TRANSPARENT, operation

__all__ = ["are_split_features", "factors_of_scores"]

MOST_STEPS = 64

SPLITTING = frozenset({"View", "Reshape", "ReshapeAlias", "UnsafeView"})

KEEPING = frozenset(
    {"Mul", "Add", "Sub", "Div", "Neg", "Cat", "Rsqrt", "NativeLayerNorm", "FusedRmsNorm", "LinalgVectorNorm"}
)
"""Operations of norms, scales and rotations, which leave the axes of their operands as they are."""

FEWEST = 3
"""Axes of what is split: examples, positions and features."""


def are_split_features(node: Any, axis: int) -> bool:
    """Whether an axis was made by splitting the features of each position, as into heads.

    Args:
        node: The operation that computed a tensor.
        axis: An axis of it, from 0.

    Examples:
        >>> import torch
        >>> heads = torch.ones(2, 5, 12, requires_grad=True).mul(1).view(2, 5, 3, 4)
        >>> are_split_features(heads.grad_fn, 2), are_split_features(heads.transpose(1, 2).grad_fn, 2)
        (True, False)
    """
    for _ in range(MOST_STEPS):
        if node is None:
            return False
        name, after = operation(node), result_shape(node)
        if name in TRANSPARENT and node.next_functions:
            successor, number = node.next_functions[0]
            before = result_shape(successor, number) if successor is not None else ()
            if name in SPLITTING and _splits_last(before, after, axis):
                return True
            moved = axis_before(node, axis)
            if moved is None:
                return False
            node, axis = successor, moved
        elif name in KEEPING:
            node = _alike(node, after, axis)
        else:
            return False
    return False


def factors_of_scores(scores: Tensor) -> tuple[Any, int] | None:
    """The node of the queries that scores of attention are products of, and the axis of it that counts them.

    Args:
        scores: Scores, or what a softmax has made of them.
    """
    node = scores.grad_fn
    for _ in range(MOST_STEPS):
        if node is None:
            return None
        if operation(node) == "Bmm":
            return node.next_functions[0][0], 1
        successors = [successor for successor, _ in node.next_functions if successor is not None]
        if len(successors) != 1:
            return None
        node = successors[0]
    return None


def _splits_last(before: tuple[int, ...], after: tuple[int, ...], axis: int) -> bool:
    """Whether a reshape cuts the last axis in several, the last but one of which is meant."""
    kept = len(before) - 1
    whole = len(before) >= FEWEST and before[:-1] == after[:kept] and math.prod(after[kept:]) == before[-1]
    return whole and kept <= axis == len(after) - 2


def _alike(node: Any, shape: tuple[int, ...], axis: int) -> Any:
    """The first operand with the same axes, that one among them."""
    for successor, number in node.next_functions:
        if successor is not None:
            found = result_shape(successor, number)
            if len(found) == len(shape) and found[axis] == shape[axis]:
                return successor
    return None

"""What a number was added up from: the sums and means that led to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.axes import signed
from unstuck.observe.autograd.graph import TRANSPARENT, operation, saved

__all__ = ["SCALINGS", "Reduction", "constant", "reduction"]

SCALINGS = frozenset({"Mul", "Div", "Neg"})
"""Operations that multiply by a constant where only one of their factors has a gradient."""

MOST_NODES = 12
"""Reductions, views and constants between a number and what it is added up from."""


@dataclass(frozen=True)
class Reduction:
    r"""A number :math:`w \sum_i x_i` of the elements of a tensor.

    Attributes:
        shape: Shape of that tensor.
        summed: How many of its elements one entry of what is averaged, if anything is, adds up: 1 in a mean over all.
        weight: What each element is multiplied by, constants on the way included.
        source: The node that gave that tensor.
    """

    shape: tuple[int, ...]
    summed: int
    weight: float
    source: Any = field(default=None, repr=False, compare=False)


def reduction(node: Any) -> Reduction | None:
    """The reductions that end in an autograd node, before its backward pass; None where it ends none.

    Args:
        node: The node that gave one number.

    Examples:
        >>> import torch
        >>> entries = torch.ones(10, 8, requires_grad=True)
        >>> reduction((-0.5 * entries.exp().sum(dim=1)).mean().grad_fn)
        Reduction(shape=(10, 8), summed=8, weight=-0.05)
    """
    shape: tuple[int, ...] | None = None
    summed, weight = 1, 1.0
    for _ in range(MOST_NODES):
        known = [successor for successor, _ in node.next_functions if successor is not None]
        name = operation(node)
        if len(known) != 1:
            break
        if name in ("Sum", "Mean"):
            shape = tuple(map(int, node._saved_self_sym_sizes))
            gathered = _gathered(node, shape)
            summed, weight = (summed * gathered, weight) if name == "Sum" else (summed, weight / max(gathered, 1))
        elif name in SCALINGS:
            weight *= constant(node)
        elif name not in TRANSPARENT:
            break
        node = known[0]
    return None if shape is None else Reduction(shape, summed, weight, node)


def _gathered(node: Any, shape: tuple[int, ...]) -> int:
    """How many elements of a tensor each result of a reduction gathers."""
    axes = getattr(node, "_saved_dim", None)
    return math.prod(shape[signed(axis)] for axis in axes) if axes and shape else math.prod(shape)


def constant(node: Any) -> float:
    """The constant that a product or quotient has, before its backward pass; 1 where that is not one known number."""
    if operation(node) == "Neg":
        return -1.0
    other = saved(node, "_saved_other")
    value = other.item() if isinstance(other, Tensor) and other.numel() == 1 and other.is_cpu else 1.0
    return (1.0 / value if value else 1.0) if operation(node) == "Div" else float(value)

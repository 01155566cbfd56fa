"""What an operation can give, whatever goes into it: a rectifier nothing negative, a tanh what lies in -1 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.axes import result_shape, signed
from unstuck.observe.autograd.graph import TRANSPARENT, operation, saved
from unstuck.observe.tensors.readable import is_readable
from unstuck.record.facts import OutputReach

__all__ = ["reach"]

FIXED: dict[str, tuple[float, float]] = {
    "Abs": (0.0, math.inf),
    "Atan": (-math.pi / 2, math.pi / 2),
    "Cos": (-1.0, 1.0),
    "Erf": (-1.0, 1.0),
    "Exp": (0.0, math.inf),
    "Gelu": (-0.17005, math.inf),
    "Hardsigmoid": (0.0, 1.0),
    "Hardswish": (-0.375, math.inf),
    "LogSigmoid": (-math.inf, 0.0),
    "LogSoftmax": (-math.inf, 0.0),
    "Mish": (-0.30885, math.inf),
    "Relu": (0.0, math.inf),
    "Sigmoid": (0.0, 1.0),
    "Silu": (-0.27847, math.inf),
    "Sin": (-1.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Softplus": (0.0, math.inf),
    "Sqrt": (0.0, math.inf),
    "Tanh": (-1.0, 1.0),
}
"""Lowest and highest value of operations that have no arguments which move them."""

PICKED = TRANSPARENT | {"Gather", "IndexSelect", "MaskedSelect", "Take"}
"""Operations whose results are among the values that they are given."""

UNCHANGED_BUT_FOR_ZERO = frozenset({"Clone", "Expand", "ClampMin"})
"""Operations between a norm and what it divides, which keep it from zero."""

JOINING = frozenset({"Cat", "Stack"})
MOST_JOINED = 64
MOST_NESTED = 8
WITHIN_JOINED = 3
"""The same within what is joined, where nothing is joined again: there may be many of them."""


def reach(node: Any) -> OutputReach | None:
    """The range of the values that a node computes; None where they are unbounded, or it is not known.

    Moves, picks, factors and joins behind the operation are followed.

    Args:
        node: A node of the autograd graph; None for a leaf.

    Examples:
        >>> import torch
        >>> scores = torch.ones(4, 2, requires_grad=True)
        >>> found = reach((3 * scores.sigmoid()).flatten().grad_fn)
        >>> found.operation, found.lowest, found.highest
        ('Sigmoid', 0.0, 3.0)
    """
    return _reach(node, MOST_NESTED)


def _reach(node: Any, depth: int) -> OutputReach | None:
    while node is not None and operation(node) in PICKED and node.next_functions:
        node = node.next_functions[0][0]
    if node is None or not depth:
        return None
    name = operation(node)
    if name in JOINING:
        return _joined(node) if depth > WITHIN_JOINED else None
    if name == "Sum":
        return _cosine(node)
    if name in ("Mul", "Div", "Neg"):
        return _softsign(node) or _scaled(node, name, depth)
    if name == "LeakyRelu":
        return OutputReach(operation=name, lowest=0.0, slope=float(node._saved_negative_slope))
    bounds = FIXED.get(name) or _by_arguments(node, name)
    return None if bounds is None else _of(name, *bounds)


def _of(name: str, lowest: float, highest: float) -> OutputReach | None:
    lower, upper = lowest > -math.inf, highest < math.inf
    if not lower and not upper:
        return None
    return OutputReach(operation=name, lowest=lowest if lower else None, highest=highest if upper else None)


ARGUMENTS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "Celu": lambda node: (-node._saved_alpha, math.inf),
    "Clamp": lambda node: (_limit(node, "_saved_min", -math.inf), _limit(node, "_saved_max", math.inf)),
    "ClampMax": lambda node: (-math.inf, node._saved_max),
    "ClampMin": lambda node: (node._saved_min, math.inf),
    "Elu": lambda node: (-node._saved_alpha * node._saved_scale, math.inf),
    "Hardtanh": lambda node: (node._saved_min_val, node._saved_max_val),
}
"""The same of operations whose arguments decide it."""


def _limit(node: Any, name: str, without: float) -> Any:
    limit = saved(node, name)
    return without if limit is None else limit


def _by_arguments(node: Any, name: str) -> tuple[float, float] | None:
    """The bounds, where the arguments of an operation are plain numbers."""
    read = ARGUMENTS.get(name)
    if read is None:
        return None
    low, high = read(node)
    known = isinstance(low, int | float) and isinstance(high, int | float)
    return (float(low), float(high)) if known else None


def _scaled(node: Any, name: str, depth: int) -> OutputReach | None:
    """The reach of what a constant number multiplies or divides."""
    given = [successor for successor, _ in node.next_functions]
    inner = _reach(given[0], depth - 1) if given[0] is not None and not any(given[1:]) else None
    factor = -1.0 if name == "Neg" else _constant(saved(node, "_saved_other"))
    if inner is None or inner.slope is not None or not factor:
        return None
    factor = 1.0 / factor if name == "Div" else factor
    low = -math.inf if inner.lowest is None else inner.lowest
    high = math.inf if inner.highest is None else inner.highest
    return _of(inner.operation, *sorted((factor * low, factor * high)))


def _constant(other: Any) -> float | None:
    """A factor that is one number, unless it lies on a device that would have to be waited for."""
    if not isinstance(other, Tensor) or not is_readable(other) or other.numel() != 1:
        return None
    if other.requires_grad or other.device.type != "cpu":
        return None
    return float(other)


def _softsign(node: Any) -> OutputReach | None:
    """That of x / (1 + |x|), which PyTorch computes so."""
    given = [successor for successor, _ in node.next_functions]
    if operation(node) != "Div" or len(given) < 2 or given[1] is None or operation(given[1]) != "Add":
        return None
    magnitude = given[1].next_functions[0][0]
    if magnitude is None or operation(magnitude) != "Abs" or magnitude.next_functions[0][0] is not given[0]:
        return None
    return _of("Softsign", -1.0, 1.0)


def _cosine(node: Any) -> OutputReach | None:
    """That of the sum over products of two vectors of length 1, the cosine of their angle."""
    product, axes = node.next_functions[0][0], tuple(map(signed, node._saved_dim))
    if product is None or operation(product) != "Mul" or len(axes) != 1:
        return None
    dimensions = len(result_shape(product))
    vectors = [successor for successor, _ in product.next_functions]
    unit = all(_axis_of_length_one(vector, dimensions) == axes[0] % dimensions for vector in vectors)
    return _of("CosineSimilarity", -1.0, 1.0) if unit else None


def _axis_of_length_one(node: Any, dimensions: int) -> int | None:
    """The axis along which something was divided by its own Euclidean norm; None for anything else."""
    if node is None or operation(node) != "Div":
        return None
    (vector, _), (norm, _) = node.next_functions
    while norm is not None and operation(norm) in UNCHANGED_BUT_FOR_ZERO and norm.next_functions:
        norm = norm.next_functions[0][0]
    if norm is None or operation(norm) != "LinalgVectorNorm" or norm.next_functions[0][0] is not vector:
        return None
    axes = tuple(norm._saved_dim or ())
    return signed(axes[0]) % dimensions if len(axes) == 1 and norm._saved_ord == 2 else None


def _joined(node: Any) -> OutputReach | None:
    """The reach of all that is joined, where that is the same."""
    found = {_reach(successor, WITHIN_JOINED) for successor, _ in node.next_functions[:MOST_JOINED]}
    return found.pop() if len(found) == 1 else None

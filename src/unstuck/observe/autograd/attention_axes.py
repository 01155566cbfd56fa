"""Which axis the weights of an attention are summed over, by the autograd graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.axes import axis_before, result_shape, signed
from unstuck.observe.autograd.graph import TRANSPARENT, operation, walk
from unstuck.record.facts import Contraction

__all__ = ["contractions_of", "is_learnt"]

MOST_NODES = 20_000

MOST_STEPS = 64
"""Operations between weights and what multiplies them, of which more would be no weights."""

DROPOUTS = frozenset({"NativeDropout", "MaskedFill"})

SCALINGS = frozenset({"Mul", "Div"})

SUMS = frozenset({"Sum", "Mean"})

PAIRS = 3
"""Axes of a batched product of matrices: of what is paired, and of both that it leaves free."""


def contractions_of(root: Tensor) -> Iterator[Contraction]:
    """Each product behind a loss that multiplies the result of a softmax by something learnt and sums over an axis.

    Products of matrices sum over the axis that they contract; a product of entries may be summed afterwards. What is
    divided by its own sum after the softmax, as in slot attention, is no result of a softmax any more.

    Args:
        root: The loss, with its graph.

    Yields:
        One for each kind of axes and shape.
    """
    met: set[Contraction] = set()
    for count, node in enumerate(walk(root)):
        if count >= MOST_NODES:
            return
        for weights, other, axis in _factors(node):
            if not is_learnt(other) or (found := _softmax_behind(weights, axis)) is None:
                continue
            softmax, contracted = found
            shape = result_shape(softmax)
            fact = Contraction(
                axis=signed(softmax._saved_dim) % len(shape),
                contracted=contracted,
                shape=shape,
                among_themselves=_among_themselves(softmax, contracted),
            )
            if fact not in met:
                met.add(fact)
                yield fact


def _factors(node: Any) -> Iterator[tuple[Any, Any, int]]:
    """Either factor of a product that is summed: its node, the other's, and the axis of the first that is summed."""
    name = operation(node)
    if name in ("Bmm", "Mm"):
        (one, _), (other, _) = node.next_functions[:2]
        first, second = (2, 1) if name == "Bmm" else (1, 0)
        yield one, other, first
        yield other, one, second
    elif name in SUMS:
        product = node.next_functions[0][0]
        axes = getattr(node, "_saved_dim", None)
        axes = (axes,) if isinstance(axes, int) else axes
        if product is None or operation(product) != "Mul" or not axes or len(axes) != 1:
            return
        dims = len(result_shape(product))
        (one, first), (other, second) = product.next_functions[:2]
        for (weights, number), values in (((one, first), other), ((other, second), one)):
            lost = dims - len(result_shape(weights, number)) if weights is not None else 0
            axis = signed(axes[0]) % max(dims, 1) - lost
            if weights is not None and axis >= 0 and result_shape(weights, number)[axis] > 1:
                yield weights, values, axis


def is_learnt(node: Any) -> bool:
    """Whether something has a gradient and is no parameter itself."""
    for _ in range(MOST_STEPS):
        if node is None or "AccumulateGrad" in operation(node):
            return False
        if operation(node) not in TRANSPARENT or not node.next_functions:
            return True
        node = node.next_functions[0][0]
    return True


def _softmax_behind(node: Any, axis: int) -> tuple[Any, int] | None:
    """The softmax whose result a factor is, past views, dropout and masks, and the axis of it that is meant."""
    for _ in range(MOST_STEPS):
        if node is None:
            return None
        if operation(node) == "Softmax":
            return (node, axis) if axis < len(result_shape(node)) else None
        moved = _moved(node, axis)
        if moved is None:
            return None
        node, axis = moved
    return None


def _moved(node: Any, axis: int) -> tuple[Any, int] | None:
    """One operation back, if it moves values, drops some, or scales them by constants."""
    name = operation(node)
    if name in TRANSPARENT and node.next_functions:
        before = axis_before(node, axis)
        return None if before is None else (node.next_functions[0][0], before)
    if name in DROPOUTS:
        return node.next_functions[0][0], axis
    varying = [(successor, number) for successor, number in node.next_functions if successor is not None]
    if name in SCALINGS | {"Add", "Sub", "Where"} and len(varying) == 1:
        successor, number = varying[0]
        return (successor, axis) if result_shape(successor, number) == result_shape(node) else None
    return None


def _among_themselves(softmax: Any, contracted: int) -> bool:
    """Whether the softmax is over products of as many learnt values with as many, one of whose axes is summed over."""
    node, axis = softmax.next_functions[0][0], contracted
    for _ in range(MOST_STEPS):
        if node is None:
            return False
        if operation(node) == "Bmm":
            shape = result_shape(node)
            factors = [successor for successor, _ in node.next_functions[:2]]
            square = len(shape) == PAIRS and shape[1] == shape[2] > 1
            return square and axis > 0 and all(is_learnt(factor) for factor in factors)
        moved = _moved(node, axis)
        if moved is None:
            return False
        node, axis = moved
    return False

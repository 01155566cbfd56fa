"""What a sum is made of: its terms, and the constants that multiply them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unstuck.observe.autograd.graph import TRANSPARENT, operation
from unstuck.observe.autograd.reductions import SCALINGS, constant

__all__ = ["ADDED", "SUMS", "summands", "unscaled"]

SUMS = frozenset({"Add", "Sub", "Rsub"})

ADDED = 2
"""What an addition adds, at most."""

MOST_NODES = 200


def summands(root: Any) -> Iterator[Any]:
    """The nodes of what is added up to one node, from left to right; that node itself where it is no sum.

    Examples:
        >>> import torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> [node.name() for node in summands((x.exp() + 3.0 * x.sin() - 1.0).grad_fn)]
        ['ExpBackward0', 'MulBackward0']
    """
    queue = [root]
    for _ in range(MOST_NODES):
        if not queue:
            return
        node = queue.pop()
        if node is None:
            continue
        known = _successors(node)
        if operation(node) in SUMS and len(known) == ADDED:
            queue.extend(reversed(known))
        elif operation(node) in SUMS | TRANSPARENT and len(known) == 1:
            queue.append(known[0])  # a constant that is added
        else:
            yield node


def unscaled(node: Any) -> tuple[Any, float]:
    """What a product with constants is made of, and these constants, before the backward pass.

    Factors that are no single number, or are not known, count as one.

    Examples:
        >>> import torch
        >>> inner, factor = unscaled((-0.5 * torch.ones(2, requires_grad=True).exp()).grad_fn)
        >>> inner.name(), factor
        ('ExpBackward0', -0.5)
    """
    factor = 1.0
    for _ in range(MOST_NODES):
        known = _successors(node)
        if operation(node) not in SCALINGS | TRANSPARENT or len(known) != 1:
            break
        if operation(node) in SCALINGS:
            factor *= constant(node)
        node = known[0]
    return node, factor


def _successors(node: Any) -> list[Any]:
    return [successor for successor, _ in node.next_functions if successor is not None]

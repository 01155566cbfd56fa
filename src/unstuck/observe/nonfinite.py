"""Trace a loss that is not finite to the first operation that made it so, through the tensors that autograd saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.graph import operation, walk
from unstuck.observe.roots import Roots
from unstuck.record import facts

__all__ = ["origin"]

MOST_EXAMPLES = 16
MOST_NODES = 5_000


def origin(loss: Tensor, roots: Roots, step: int) -> facts.NonFinite:
    """Where a non-finite loss comes from.

    A weight that is not finite is named first: an earlier update broke it. Otherwise the graph is searched from the
    loss towards the inputs for the deepest operation one of whose saved tensors is not finite; autograd saves the
    inputs or the result of most operations.

    Args:
        loss: The loss, with its graph.
        roots: The modules that are trained.
        step: The training step.

    Returns:
        The place, the count of non-finite values, and the rows of the batch that hold them.
    """
    for name, parameter in roots.parameters().items():
        count = _count(parameter)
        if count:
            return facts.NonFinite(step=step, what="weight", where=name, count=count)
    found: tuple[Any, Tensor] | None = None
    for number, node in enumerate(walk(loss)):
        if number > MOST_NODES:
            break
        for tensor in _saved(node):
            if _count(tensor):
                found = (node, tensor)
    if found is None:
        return facts.NonFinite(step=step, what="loss", count=1)
    node, tensor = found
    return facts.NonFinite(
        step=step,
        what="activation" if node.next_functions and any(f for f, _ in node.next_functions) else "input",
        where=operation(node),
        count=_count(tensor),
        examples=_rows(tensor),
    )


def _saved(node: Any) -> Iterator[Tensor]:
    """The tensors that a node keeps for its backward pass."""
    for name in dir(node):
        if name.startswith("_saved_"):
            try:
                value = getattr(node, name)
            except RuntimeError:
                continue  # freed, or changed in place since
            if isinstance(value, Tensor) and value.is_floating_point():
                yield value.detach()


def _count(tensor: Tensor) -> int:
    return int((~tensor.detach().isfinite()).sum()) if tensor.is_floating_point() else 0


def _rows(tensor: Tensor) -> tuple[int, ...]:
    if tensor.dim() < 2:
        return ()
    bad = (~tensor.isfinite()).reshape(len(tensor), -1).any(dim=1)
    return tuple(int(i) for i in torch.nonzero(bad).reshape(-1)[:MOST_EXAMPLES])

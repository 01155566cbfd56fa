"""Whose weights gave an output: those of one training, or of another one."""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from typing import NamedTuple

from torch import Tensor

__all__ = ["Leads", "leads"]

MOST_NODES = 20_000


class Leads(NamedTuple):
    """Where a tensor's graph leads.

    Attributes:
        nearest: Identity of the nearest of one's own weights; None where it was led to none.
        past: Whether it leads to weights of others and, as far as all of it was walked, to none of one's own.
    """

    nearest: int | None
    past: bool


def leads(output: Tensor, own: Set[int], others: Set[int] = frozenset()) -> Leads:
    """Walk from a tensor to the nearest of one's own weights, breadth first.

    Args:
        output: What was computed.
        own: Identities of one's own weights.
        others: Identities of the weights of others.

    Examples:
        >>> import torch
        >>> inner, outer = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        >>> output = inner.exp() * outer
        >>> leads(output, {id(inner)}).nearest == id(inner), leads(output, {1}, {id(outer)}).past
        (True, True)
    """
    if output.grad_fn is None:
        return Leads(id(output) if id(output) in own else None, past=id(output) in others and id(output) not in own)
    met, seen, queue = False, {output.grad_fn}, deque([output.grad_fn])
    while queue:
        for successor, _ in queue.popleft().next_functions:
            if successor is None or successor in seen:
                continue
            seen.add(successor)
            variable = getattr(successor, "variable", None)
            if variable is None:
                queue.append(successor)
            elif id(variable) in own:
                return Leads(id(variable), past=False)
            else:
                met = met or id(variable) in others
        if len(seen) > MOST_NODES:
            return Leads(None, past=False)
    return Leads(None, past=met)

"""Copies of a model that are evaluated: do the statistics of their batch norms move with their weights?"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unstuck.observe.tensors.readable import values_here
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts

__all__ = ["MOST_COMPARED", "CopiedNorms", "has_learnt", "is_unmoved", "norms_of"]

BatchNorm = nn.modules.batchnorm._BatchNorm  # pyright: ignore[reportPrivateUsage]

MOST_COPIES = 4

MOST_COMPARED = 4
"""Batch norms whose statistics are looked at: what was forgotten for one was forgotten for all."""


class _Look(NamedTuple):
    """What the batch norms of a copy held."""

    statistics: Tensor
    weights: Tensor


class CopiedNorms:
    """Compare the batch norms of each copy with what they held when it was evaluated before.

    An average of the weights that is taken over ``parameters()`` leaves the buffers as they were when it was made.
    """

    def __init__(self) -> None:
        self._first: weakref.WeakKeyDictionary[nn.Module, _Look] = weakref.WeakKeyDictionary()
        self._told: weakref.WeakSet[nn.Module] = weakref.WeakSet()

    def evaluated(self, copy: nn.Module, *, step: int) -> facts.StaleCopy | None:
        """A copy begins to run in evaluation mode; what is wrong with it, told once.

        Args:
            copy: A module of the class of the model, and not the model.
            step: Updates made.
        """
        if copy in self._told or (copy not in self._first and len(self._first) >= MOST_COPIES):
            return None
        norms = [norm for norm in islice(norms_of(copy), MOST_COMPARED) if not norm.training]
        look = _look(norms)
        if look is None:
            return None
        first = self._first.setdefault(copy, look)
        still = torch.equal(first.statistics, look.statistics) and not torch.equal(first.weights, look.weights)
        as_made = all(map(is_unmoved, norms)) and any(map(has_learnt, norms))
        if not still and not as_made:
            return None
        self._told.add(copy)
        file, line = user_place(3)
        return facts.StaleCopy(step=step, as_made=as_made, norms=sum(1 for _ in norms_of(copy)), file=file, line=line)


def norms_of(module: nn.Module) -> Iterator[Any]:
    """The batch norms with running statistics within a module."""
    return (part for part in module.modules() if isinstance(part, BatchNorm) and part.track_running_stats)


@torch.no_grad()
def _look(norms: list[Any]) -> _Look | None:
    statistics = [values_here(buffer) for norm in norms for buffer in (norm.running_mean, norm.running_var)]
    weights = [values_here(weight) for norm in norms for weight in (norm.weight, norm.bias) if weight is not None]
    known = [[value.reshape(-1) for value in values if value is not None] for values in (statistics, weights)]
    if not all(known) or len(known[0]) < len(statistics):
        return None
    return _Look(*(torch.cat(values).clone() for values in known))


@torch.no_grad()
def is_unmoved(norm: Any) -> bool:
    """Whether running statistics are mean 0 and variance 1, as they were made; of those that are sharded, our part."""
    if norm.running_mean is None or norm.running_var is None:
        return False
    mean, variance = values_here(norm.running_mean), values_here(norm.running_var)
    if mean is None or variance is None:
        return False
    return not bool((mean != 0).any() | (variance != 1).any())


@torch.no_grad()
def has_learnt(norm: Any) -> bool:
    """Whether the bias of a batch norm is not the 0 that all initialisations give it."""
    bias = None if norm.bias is None else values_here(norm.bias)
    return bias is not None and bool((bias != 0).any())

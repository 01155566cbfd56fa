"""See which ``DataLoader`` hands out the examples: how often it is begun anew, and in which order it goes."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch.utils.data import BatchSampler, IterableDataset, RandomSampler, SequentialSampler, WeightedRandomSampler

from unstuck.observe.collectors.view import View
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Loaders"]

Order = Literal["sequential", "random", "other"]

MOST_LOADERS = 16

OWN_SAMPLERS = (RandomSampler, SequentialSampler, WeightedRandomSampler)
"""Samplers that ask for the length themselves."""


@dataclass
class _Count:
    """What is counted of one loader."""

    loader: weakref.ref[Any]
    number: int
    batches: int | None
    examples: int | None
    order: Order
    begun: int = 0
    updates: int = 0


class Loaders:
    """Count the iterations over each loader, and the updates made during them.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._counts: list[_Count] = []
        self._newest: _Count | None = None
        self._since = 0

    def loader_begins(self, loader: Any) -> None:
        """Count an iteration."""
        self._settle()
        count = next((count for count in self._counts if count.loader() is loader), None)
        if count is None:
            if len(self._counts) >= MOST_LOADERS:
                self._newest = None
                return
            count = _Count(weakref.ref(loader), len(self._counts), *_extent(loader), _order(loader))
            self._counts.append(count)
        count.begun += 1
        self._newest = count

    def _settle(self) -> None:
        """Credit the newest loader with the updates since it began."""
        if self._newest is not None:
            self._newest.updates += self._view.updates - self._since
        self._since = self._view.updates

    def facts(self) -> Iterator[facts.Loader]:
        """What was counted of the loaders that training drew from."""
        self._settle()
        for count in self._counts:
            if count.updates:
                yield facts.Loader(
                    number=count.number,
                    begun=count.begun,
                    updates=count.updates,
                    batches=count.batches,
                    examples=count.examples,
                    order=count.order,
                )


def _extent(loader: Any) -> tuple[int | None, int | None]:
    """Batches and examples of a loader, where they are known."""
    try:
        if isinstance(loader.dataset, IterableDataset):
            return None, None
        batches = loader.batch_sampler
        plain = batches is None or (type(batches) is BatchSampler and batches.sampler is loader.sampler)
        if type(loader.sampler) not in OWN_SAMPLERS or not plain:
            return None, None  # nobody asks for the length of what the user has made to have none
        return len(loader), len(loader.dataset)
    except Exception:  # it is the user's own code that counts them, or does not
        return None, None


def _order(loader: Any) -> Order:
    batches = getattr(loader, "batch_sampler", None)
    sampler = getattr(loader, "sampler", None) if batches is None else getattr(batches, "sampler", None)
    if isinstance(sampler, RandomSampler | WeightedRandomSampler):
        return "random"
    plain = type(getattr(loader, "batch_sampler", None)).__name__ in ("BatchSampler", "NoneType")
    return "sequential" if type(sampler) is SequentialSampler and plain else "other"

"""See which ``DataLoader`` hands out the examples: how often it is begun anew, and in which order it goes."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler, WeightedRandomSampler

from unstuck.record import facts

__all__ = ["LoaderProbe"]

Order = Literal["sequential", "random", "other"]
Watcher = Callable[[Any], None]

MOST_LOADERS = 16

_watchers: list[Watcher] = []
_undo: list[Callable[[], None]] = []


def watch(watcher: Watcher) -> None:
    """Call a function with each loader whose iteration begins; PyTorch has no hook there, so it is wrapped."""
    _watchers.append(watcher)
    if _undo:
        return
    begin = DataLoader.__iter__

    @functools.wraps(begin)
    def watched(self: Any) -> Any:
        for listening in tuple(_watchers):
            listening(self)
        return begin(self)

    def restore() -> None:
        DataLoader.__iter__ = begin

    DataLoader.__iter__ = watched
    _undo.append(restore)


def unwatch(watcher: Watcher) -> None:
    """End what :func:`watch` began; a function that does not watch is allowed."""
    if watcher in _watchers:
        _watchers.remove(watcher)
    if not _watchers and _undo:
        _undo.pop()()


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


class LoaderProbe:
    """Count the iterations over each loader, and the updates made during them.

    Args:
        updates: Gives the number of updates made so far.
    """

    def __init__(self, updates: Callable[[], int]) -> None:
        self._updates = updates
        self._counts: list[_Count] = []
        self._newest: _Count | None = None
        self._since = 0

    def start(self) -> None:
        """Begin to watch."""
        watch(self._begins)

    def stop(self) -> None:
        """End watching; stopping twice is allowed."""
        unwatch(self._begins)

    def _begins(self, loader: Any) -> None:
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
            self._newest.updates += self._updates() - self._since
        self._since = self._updates()

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
    if isinstance(loader.dataset, IterableDataset):
        return None, None
    try:
        return len(loader), len(loader.dataset)
    except (TypeError, NotImplementedError):
        return None, None


def _order(loader: Any) -> Order:
    sampler = getattr(loader, "sampler", None)
    if isinstance(sampler, RandomSampler | WeightedRandomSampler):
        return "random"
    plain = type(getattr(loader, "batch_sampler", None)).__name__ in ("BatchSampler", "NoneType")
    return "sequential" if type(sampler) is SequentialSampler and plain else "other"

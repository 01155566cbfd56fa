"""Batches in a random order."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from unstuck.observe.torch_hooks.aside import Aside, thread
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import calls, patched
from unstuck.remedies.remedy import Remedy

__all__ = ["Shuffled"]

BUFFERED = 64
"""Batches that are held to draw from where the order of a loader is its own."""

SEED = 0


class Shuffled(Remedy):
    """Draw the examples of each batch in a random order.

    Changes: a ``DataLoader`` that goes through its data set in order draws a new order each time, as with
    ``shuffle=True``; of one with an order of its own, batches are drawn from a buffer of 64. Batches that the script
    cuts out of tensors by slices or indices come from the same tensors in one random order, which is the same for all
    tensors of as many rows.

    Not made: batches that are cut out of NumPy arrays or lists.

    Applies: where a loader goes in order, or examples that follow each other are alike.

    Proves: data that come in the order of classes or of time.
    """

    name = "shuffled"
    proves = ("data-not-shuffled",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One."""
        loaders = run.facts(facts.Loader)
        named = finding is not None and finding.cause in self.proves
        ordered = any(loader.order != "random" and loader.updates for loader in loaders)
        return (Change(remedy=self.name),) if named or ordered else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with the batches shuffled"``."""
        return "with the batches shuffled"

    def obstacle(self, run: Run) -> str | None:
        """None is known: that batches could not be reached shows in the trial."""
        return None

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Shuffle loaders, and rows of tensors."""
        stack = ExitStack()

        def around_iterator(begin: Function) -> Function:
            def shuffled(loader: DataLoader[Any]) -> Iterator[Any]:
                if not torch.is_grad_enabled() or thread.telling:
                    return begin(loader)
                if _order(loader) is SequentialSampler and isinstance(loader.batch_sampler, BatchSampler):
                    stack.enter_context(_drawing(loader, loader.batch_sampler))
                if _order(loader) is not RandomSampler:
                    effects.happened(self.name)
                    return _buffered(begin(loader))
                if hasattr(_sampler(loader), "of_a_trial"):
                    effects.happened(self.name)
                return begin(loader)

            return shuffled

        rows = _Rows(lambda: effects.happened(self.name))
        with stack:
            stack.enter_context(patched(DataLoader, "__iter__", around_iterator))
            stack.enter_context(calls({Tensor.__getitem__: rows.exchange}))
            yield


def _sampler(loader: DataLoader[Any]) -> Any:
    return loader.batch_sampler.sampler if isinstance(loader.batch_sampler, BatchSampler) else loader.sampler


def _order(loader: DataLoader[Any]) -> type:
    return type(_sampler(loader))


@contextmanager
def _drawing(loader: DataLoader[Any], batches: BatchSampler) -> Generator[None]:
    """Let a loader that goes in order draw a new order each time, as with ``shuffle=True``."""
    drawn: Any = RandomSampler(loader.dataset, generator=loader.generator)  # pyright: ignore[reportArgumentType]
    drawn.of_a_trial = True
    given, batches.sampler = batches.sampler, drawn
    vars(loader)["sampler"] = drawn  # which a loader that was made refuses to be told
    try:
        yield
    finally:
        batches.sampler = vars(loader)["sampler"] = given


def _buffered(batches: Iterator[Any]) -> Iterator[Any]:
    """Batches in another order than they come in, drawn from a buffer."""
    generator, held = random.Random(SEED), list[Any]()
    for batch in batches:
        held.append(batch)
        if len(held) > BUFFERED:
            yield held.pop(generator.randrange(len(held)))
    generator.shuffle(held)
    yield from held


class _Rows:
    """Tensors whose rows are cut out in one random order for all that have as many."""

    def __init__(self, effect: Callable[[], None]) -> None:
        self._effect = effect
        self._orders: dict[int, Tensor] = {}

    def exchange(self, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What is called in place of ``tensor[index]``."""
        tensor, index = args
        if not torch.is_grad_enabled() or tensor.requires_grad or not tensor.dim():
            return run(*args, **kwargs)
        order = self._order(len(tensor), tensor.device)
        if isinstance(index, slice):
            chosen = order[index]
        elif isinstance(index, Tensor) and index.dtype == torch.int64 and index.dim() == 1:
            chosen = order[index.to(order.device)]
        else:
            return run(*args, **kwargs)
        if not 1 < len(chosen) <= len(tensor) // 2:
            return run(*args, **kwargs)
        self._effect()
        return run(tensor, chosen, **kwargs)

    def _order(self, rows: int, device: torch.device) -> Tensor:
        if rows not in self._orders:
            with Aside():
                self._orders[rows] = torch.randperm(rows, generator=torch.Generator().manual_seed(SEED))
        return self._orders[rows].to(device)

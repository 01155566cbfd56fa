"""A longer training."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from unstuck.record import Finding, Run, signals
from unstuck.remedies import effects
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import after_updates, optimizers_made, patched
from unstuck.remedies.loops import going_through
from unstuck.remedies.remedy import Remedy

__all__ = ["MoreSteps"]

MOST = 64
"""Passes up to an update that are made again: of a loop over the batches whose gradients are accumulated."""


class MoreSteps(Remedy):
    """Let the program make ``factor`` times the steps, on the same schedule stretched.

    Changes: each pass of the loop that trains is made ``factor`` times, with the same value of its variable, so that a
    rate that is worked out from it is stretched; schedulers of PyTorch stand still in those that are added. That loop
    is the outermost `for` loop, in the user's own files, that begins when the optimizer is there and in whose pass it
    makes an update; of passes that only accumulate gradients all are made again that led to the update. Whoever runs
    the trial lets it go on to its end, and makes a recipe longer itself.

    Applies: to every run. Where no such loop makes the updates, nothing is changed.

    Proves: a training that ends while the loss is still falling.
    """

    name = "more-steps"
    proves = ("too-few-steps",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """Twice as many, and four times."""
        factors = (2.0, 4.0) if run.has(signals.LOSS) else ()
        return [Change(remedy=self.name, settings={"factor": factor}) for factor in factors]

    def words(self, change: Change, run: Run) -> str:
        """``"with 2 times the steps"``."""
        return f"with {change.number('factor'):.3g} times the steps"

    def obstacle(self, run: Run) -> str | None:
        """None is known before it is tried."""
        return None

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Make each pass of the loop that trains several times."""
        loops = _Loops(times=round(change.number("factor") or 1.0), named=self.name)
        with ExitStack() as stack:
            stack.enter_context(optimizers_made(loops.constructed))
            stack.enter_context(after_updates(loops.updated))
            for schedule in _kinds(LRScheduler):
                stack.enter_context(patched(schedule, "step", loops.standing_still))
            stack.enter_context(going_through(loops.passes))
            yield


class _Loop:
    """A loop that runs.

    Attributes:
        optimizers: How many had been constructed when it began.
        trains: Whether an update was made in its present pass, and no loop around it counts as the one that trains.
    """

    def __init__(self, optimizers: int) -> None:
        self.optimizers = optimizers
        self.trains = False


class _Loops:
    """The loops that run, the outermost first, and what is made of their passes."""

    def __init__(self, *, times: int, named: str) -> None:
        self._times = times
        self._named = named
        self._numbers: WeakKeyDictionary[Optimizer, int] = WeakKeyDictionary()
        self._made = 0
        self._running: list[_Loop] = []
        self._again = False

    def constructed(self, optimizer: Optimizer) -> None:
        if optimizer not in self._numbers:
            self._numbers[optimizer] = self._made
            self._made += 1

    def updated(self, optimizer: Optimizer) -> None:
        """Mark the loop that trains: the outermost that began when the optimizer was there."""
        number = self._numbers.get(optimizer, -1)
        outermost = next((loop for loop in self._running if loop.optimizers > number), None)
        if outermost is not None:
            outermost.trains = True

    def passes(self, items: Iterable[Any]) -> Iterable[Any]:
        return self._several(items) if self._made else items

    def standing_still(self, step: Any) -> Any:
        def changed(*args: Any, **kwargs: Any) -> Any:
            return None if self._again else step(*args, **kwargs)

        return changed

    def _several(self, items: Iterable[Any]) -> Iterator[Any]:
        loop = _Loop(self._made)
        self._running.append(loop)
        led: deque[Any] = deque(maxlen=MOST)
        try:
            for item in items:
                led.append(item)
                loop.trains = False
                yield item
                if loop.trains:
                    yield from self._repeated(led)
                    led.clear()
        finally:
            self._running.remove(loop)

    def _repeated(self, led: Iterable[Any]) -> Iterator[Any]:
        effects.happened(self._named)
        self._again = True
        try:
            for _ in range(self._times - 1):
                yield from tuple(led)
        finally:
            self._again = False


def _kinds(of: type[Any]) -> Iterator[type[Any]]:
    """A class and those derived from it that have a step of their own."""
    if "step" in vars(of):
        yield of
    for kind in of.__subclasses__():
        yield from _kinds(kind)

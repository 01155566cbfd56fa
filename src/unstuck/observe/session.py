"""Watch a whole program: every optimizer that it makes, with the modules that turn out to belong to it."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterable
from types import TracebackType

from torch import Tensor
from torch.optim import Optimizer

from unstuck.errors import RunWriteError
from unstuck.observe.budget import DEFAULT_BUDGET, Budget
from unstuck.observe.observer import Observer
from unstuck.observe.torch_hooks import events, patches
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.updates import OwnUpdates, learnable
from unstuck.record import RunWriter, facts

__all__ = ["Session"]


AWAITED = 4
"""Backward passes of others after which no update of a program's own is awaited any more, nor its tensors held."""


NO_TIME = "the time budget was used up by others"

LATE = 64
"""Updates from which a training that was not watched is no short one; it is asked again each time they double."""


def _rows(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """First and last of each row of successive numbers."""
    rows: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if rows and number == rows[-1][1] + 1:
            rows[-1] = (rows[-1][0], number)
        else:
            rows.append((number, number))
    return tuple(rows)


class Latecomer:
    """Count the updates of a training that is not watched, which may turn out to be a long one.

    Args:
        optimizer: Its optimizer; nothing of it is kept alive.
        session: Who is asked whether there is time to watch it.
        number: Its number among the trainings of the program.
    """

    thread: int | None = None

    def __init__(self, optimizer: Optimizer, session: Session, number: int) -> None:
        self.number = number
        self.updates_of: int | None = id(optimizer)
        self.updates = 0
        self._session = session
        self._optimizer = weakref.ref(optimizer, lambda _, over=sys.is_finalizing: None if over() else self.leave())
        patches.listen(self)

    def leave(self) -> None:
        """Count no more."""
        patches.unlisten(self)
        self._session.left(self)

    def step_ended(self, optimizer: Optimizer) -> None:
        """Count an update."""
        self.updates += 1
        asked = self.updates >= LATE and not self.updates & (self.updates - 1)
        if asked and self._session.came_late(optimizer, self):
            self.leave()

    def failed(self, error: Exception) -> None:
        """It stays unwatched."""


class Session:
    """Record every training of a program that knows nothing of it.

    An observer begins to watch each optimizer as it is constructed; where a program has none, at the first backward
    pass, the tensors that the loss leads to. It takes the next number among the run's streams at
    its first step, and ends with the program, or when the optimizer is gone. All of them draw from one budget.

    Args:
        writer: The run to write to; closed by its owner.
        budget: Share of the training time that observing may take.

    Attributes:
        optimizers: How many optimizers were constructed.
        transforms: How many gradients were taken within transforms of torch.func.

    Examples:
        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> from unstuck.record import Run, RunWriter, signals
        >>> folder = Path(tempfile.mkdtemp())
        >>> with RunWriter(folder) as writer, Session(writer):
        ...     weight = torch.zeros(3, requires_grad=True)
        ...     optimizer = torch.optim.SGD([weight], lr=0.1)
        ...     for _ in range(4):
        ...         optimizer.zero_grad()
        ...         (weight - 1.0).square().sum().backward()
        ...         optimizer.step()
        >>> Run.open(folder).series(signals.LOSS).values.round(2).tolist()
        [3.0, 1.92, 1.23, 0.79]
    """

    thread: int | None = None
    updates_of: int | None = None

    def __init__(self, writer: RunWriter, *, budget: float = DEFAULT_BUDGET) -> None:
        self.optimizers = self._trainings = 0
        self._unwatched: set[int] = set()
        self.transforms = 0
        self._process = os.getpid()
        self._writer = writer
        self._budget = Budget(budget)
        self._streams = itertools.count()
        self._observers: list[Observer] = []
        self._own: list[tuple[Observer, set[int]]] = []
        self._passes = 0
        self._late: set[Latecomer] = set()
        self._failure: Exception | None = None
        self._before = 0
        self._backward = 0
        self._lock = threading.Lock()

    @property
    def unwatched(self) -> int:
        """How many trainings were not watched, for want of time."""
        return len(self._unwatched)

    @property
    def backward_passes(self) -> int:
        """How many backward passes were made, whether or not they could be recorded."""
        return self._backward or events.counts.backward - self._before

    @property
    def failure(self) -> Exception | None:
        """The first error that ended an observation; None while all is well."""
        failures = (observer.failure for observer in self._observers)
        return self._failure or next((failure for failure in failures if failure is not None), None)

    def __enter__(self) -> Session:
        self._before = events.counts.backward
        patches.listen(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(error)

    def close(self, error: BaseException | None = None) -> None:
        """End all observations, by the error that ended the program, where one did; raises nothing."""
        if os.getpid() != self._process:
            return  # a fork of the program, whose end is not that of the training
        kind = None if error is None else type(error)
        self._backward = events.counts.backward - self._before
        patches.unlisten(self)
        unfinished = error is not None and bool(self._late)
        for latecomer in tuple(self._late):
            latecomer.leave()
        for observer in self._observers:
            try:
                observer.__exit__(kind, error, None)
            except Exception as failure:  # one that cannot end must not keep the others from it
                self._failure = self._failure or failure
        if self._unwatched:
            with contextlib.suppress(RunWriteError):  # the observers have said so
                ended = "" if not unfinished else "interrupted" if isinstance(error, KeyboardInterrupt) else "crashed"
                which = _rows(self._unwatched)
                missed = facts.Unwatched(trainings=self.unwatched, reason=NO_TIME, ended=ended, which=which)
                self._writer.state(missed)

    def optimizer_made(self, optimizer: Optimizer) -> None:
        """Watch a new optimizer."""
        with self._lock:
            if not self.optimizers:
                events.deafen(self, "backward_begins")  # it is of programs without an optimizer
            self.optimizers += 1
        if any(group["params"] for group in optimizer.param_groups):
            self._trainings += 1
            if self._budget.admits(time.perf_counter()):
                self._begin(optimizer)
            else:
                self._late.add(Latecomer(optimizer, self, self._trainings))
                self._unwatched.add(self._trainings)

    def left(self, latecomer: Latecomer) -> None:
        """A training that was not watched is over, or is watched now."""
        self._late.discard(latecomer)

    def came_late(self, optimizer: Optimizer, latecomer: Latecomer) -> bool:
        """A training that was not watched goes on for longer than those before it: watch it now, if there is time."""
        if latecomer.updates <= self._budget.longest or not self._budget.admits(time.perf_counter()):
            return False
        self._unwatched.discard(latecomer.number)
        self._begin(optimizer)
        return True

    def backward_begins(self, backward: Backward) -> None:
        """Watch a program without an optimizer, by the leaves of its losses, or by what gradients are taken for."""
        if self.optimizers or not backward.roots:
            return
        self._passes += 1
        for observer, _ in tuple(self._own):
            if observer.passed_by >= AWAITED:
                observer.retire()
                self._own = [pair for pair in self._own if pair[0] is not observer]
        if self._own and self._passes > AWAITED and self._passes & (self._passes - 1):
            return
        leaves = learnable(backward.roots[0])
        if backward.inputs:
            sought = {id(tensor) for tensor in backward.inputs}
            leaves = [leaf for leaf in leaves if id(leaf) in sought]
        keys = {id(leaf) for leaf in leaves}
        if keys and not any(keys & known for _, known in self._own):
            self._watch_own(leaves, backward)

    def transformed(self) -> None:
        """Note that gradients are taken within transforms of torch.func, where nothing can be read."""
        self.transforms += 1

    def failed(self, error: Exception) -> None:
        """What comes from now on is not watched."""
        self._failure = self._failure or error

    def _watch_own(self, parameters: list[Tensor], backward: Backward) -> None:
        updates = OwnUpdates(parameters)
        observer = Observer(None, updates, self._writer, budget=self._budget, streams=self._streams)
        self._own.append((observer, {id(parameter) for parameter in parameters}))
        self._watch(observer)
        observer.backward_begins(backward)

    def _begin(self, optimizer: Optimizer) -> None:
        self._watch(Observer(None, optimizer, self._writer, budget=self._budget, streams=self._streams))

    def _watch(self, observer: Observer) -> None:
        with self._lock:
            self._observers.append(observer)
        observer.__enter__()

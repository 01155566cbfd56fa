"""Watch a whole program: every optimizer that it makes, with the modules that turn out to belong to it."""

from __future__ import annotations

import itertools
import os
from types import TracebackType

from torch import Tensor
from torch.optim import Optimizer

from unstuck.observe.observer import Observer
from unstuck.observe.sampling import DEFAULT_BUDGET, check_budget
from unstuck.observe.torch_hooks import forward, patches
from unstuck.observe.updates import ByHand, HandObserver, learnable
from unstuck.record import RunWriter

__all__ = ["Session"]

MOST_STREAMS = 32
"""Trainings of one program that are watched; a search over hundreds of models is watched in its first ones."""


class Session:
    """Record every training of a program that knows nothing of it.

    An observer begins to watch each optimizer as it is constructed; where a program has none, at the first backward
    pass, the tensors that the loss leads to. It takes the next number among the run's streams at
    its first step, and ends with the program, or when the optimizer is gone.

    Args:
        writer: The run to write to; closed by its owner.
        budget: Share of the training time that observing may take.

    Attributes:
        backward_passes: How many backward passes were seen.
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

    def __init__(self, writer: RunWriter, *, budget: float = DEFAULT_BUDGET) -> None:
        check_budget(budget)
        self.backward_passes = 0
        self.optimizers = 0
        self.transforms = 0
        self._process = os.getpid()
        self._writer = writer
        self._budget = budget
        self._streams = itertools.count()
        self._observers: list[Observer] = []
        self._by_hand: HandObserver | None = None

    @property
    def failure(self) -> Exception | None:
        """The first error that ended an observation; None while all is well."""
        return next((observer.failure for observer in self._observers if observer.failure is not None), None)

    def __enter__(self) -> Session:
        patches.listen(self)
        forward.expect_compiling()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if os.getpid() != self._process:
            return  # a fork of the program, whose end is not that of the training
        patches.unlisten(self)
        for observer in self._observers:
            observer.__exit__(kind, error, trace)
        forward.unexpect_compiling()

    def optimizer_made(self, optimizer: Optimizer) -> None:
        """Watch a new optimizer."""
        if isinstance(optimizer, ByHand):
            return
        self.optimizers += 1
        if len(self._observers) < MOST_STREAMS and any(group["params"] for group in optimizer.param_groups):
            observer = Observer(None, optimizer, self._writer, budget=self._budget, streams=self._streams)
            self._observers.append(observer)
            observer.__enter__()

    def backward_begins(self, roots: tuple[Tensor, ...]) -> None:
        """Count backward passes, to tell a program that never trains from one without an optimizer."""
        self.backward_passes += 1
        if self._by_hand is None and not self.optimizers and roots:
            self._watch_by_hand(learnable(roots[0]), roots)

    def gradients_begin(self, roots: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> None:
        """Watch a program without an optimizer that takes gradients with respect to tensors of its own."""
        if self._by_hand is None and not self.optimizers and roots:
            sought = {id(tensor) for tensor in inputs}
            self._watch_by_hand([leaf for leaf in learnable(roots[0]) if id(leaf) in sought], roots)

    def transformed(self) -> None:
        """Note that gradients are taken within transforms of torch.func, where nothing can be read."""
        self.transforms += 1

    def _watch_by_hand(self, parameters: list[Tensor], roots: tuple[Tensor, ...]) -> None:
        if not parameters:
            return
        self._by_hand = HandObserver(parameters, self._writer, budget=self._budget, streams=self._streams)
        self._observers.append(self._by_hand)
        self._by_hand.__enter__()
        self._by_hand.backward_begins(roots)

    def failed(self, error: Exception) -> None:
        """The session itself has nothing to let go of."""

"""What a model is used for after its training: evaluations that come when the optimizer is gone."""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Collection
from typing import Any

from torch import nn
from torch.optim import Optimizer

from unstuck.observe.collectors.modes import ModesOfModules
from unstuck.observe.torch_hooks import events, forward, patches
from unstuck.observe.training import Training

__all__ = ["Afterwards"]

MOST = 8
"""Trained models whose evaluations are awaited at once."""

_awaited: weakref.WeakSet[Afterwards] = weakref.WeakSet()


class Afterwards:
    """See the evaluations of a model whose training is over, until it is trained anew or there is no more time.

    A function that trains a model makes the optimizer, which is gone when it returns; the test comes later. The model
    is not kept alive.

    Args:
        training: The training.
    """

    updates_of: int | None = None
    awaits_evaluations = True

    def __init__(self, training: Training) -> None:
        self.thread: int | None = None
        self._training = training
        self.copy_begins = training.collectors.copied
        self._modules: list[weakref.ref[nn.Module]] = []

    def begin(self, thread: int | None) -> None:
        """Await evaluations of the model, if it lives on; the training has ended, and released all but its name.

        Args:
            thread: The thread that it ran in.
        """
        training = self._training
        if forward.blind() or training.journal.failure or not training.journal.opened or len(_awaited) >= MOST:
            return
        self._modules = [weakref.ref(root, self._died) for root in training.roots]
        if self._modules:
            self.thread = thread
            training.spending.over = True
            _awaited.add(self)
            patches.listen(self)
            forward.watch(self)
            forward.disregard(self)  # until gradients are switched off, or modules change their mode

    @property
    def entries(self) -> Collection[int]:
        """Identities of the modules that were trained."""
        return self._training.roots.identities

    @property
    def kinds(self) -> Collection[type[nn.Module]]:
        """Classes of those of them that hold batch norms."""
        return self._training.roots.kinds

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, learning: bool) -> None:
        """See a batch that nothing can be learnt from, if there is time."""
        start = time.perf_counter()
        if learning or module not in self._training.roots:  # another one may have the identity of one that is gone
            return
        if self._training.spending.may_evaluate(start):
            self._training.batches.evaluates(module, inputs, start)
        else:
            self.close(seen_whole=False)

    def optimizer_made(self, optimizer: Optimizer) -> None:
        """Another training begins, of the same model perhaps: an evaluation that goes on is over."""
        with events.Ours():
            self._training.batches.close()
        held = self._training.roots.held
        if any(id(parameter) in held for group in optimizer.param_groups for parameter in group["params"]):
            self.close()

    def close(self, *, seen_whole: bool = True) -> None:
        """Record what was seen, and let go of the model.

        Args:
            seen_whole: Whether the evaluation that goes on has been seen to its end, so that its means count.
        """
        if self not in _awaited:
            return
        _awaited.discard(self)
        training = self._training
        forward.unwatch(self)
        patches.unlisten(self)
        with events.Ours():
            training.batches.close(told=not seen_whole)
            modes: ModesOfModules = training.collectors.one(ModesOfModules)
            training.journal.state(*modes.facts(), *training.evaluations.facts())
            training.roots.clear()

    def _died(self, module: weakref.ref[nn.Module]) -> None:
        """A module is gone; there is nothing to wait for behind the last."""
        if not sys.is_finalizing() and all(known() is None for known in self._modules):
            self.close()

    def failed(self, error: Exception) -> None:
        """See no more; what was recorded is kept."""
        _awaited.discard(self)
        forward.unwatch(self)
        patches.unlisten(self)

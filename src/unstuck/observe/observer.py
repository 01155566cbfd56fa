"""Watch one training: an optimizer, and the model whose parameters it holds, in anybody's loop."""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from unstuck.observe.afterwards import Afterwards
from unstuck.observe.budget import DEFAULT_BUDGET, Budget
from unstuck.observe.clock import Phase
from unstuck.observe.latest import Latest
from unstuck.observe.torch_hooks import events, forward, patches
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.training import EndReason, Training
from unstuck.observe.updates import FirstCall, OwnUpdates, Steps
from unstuck.record import RunWriter

__all__ = ["EndReason", "Latest", "Observer"]


class Observer:
    """Record a training through PyTorch's hooks, without changing a number of it.

    Every step gives its loss and, when it changes, the rate; sampled steps also give what the collectors measure.
    Parameters, buffers, gradients and random-number generators are left bitwise as they would be without it.

    Args:
        model: The model; None: the modules that hold parameters of the optimizer are found as they are called.
        optimizer: Any ``torch.optim.Optimizer``; or the updates that a program makes itself.
        writer: The run to write to; closed by its owner.
        budget: Share of the training time that observing may take; or the budget of a whole program.
        streams: Numbers for the trainings within the run; this one takes the next number at its first step.

    Attributes:
        latest: The newest numbers.
        failure: The error that ended the observation; training goes on without it.

    Raises:
        ArgumentError: The optimizer holds no parameters, or the budget is out of range.

    Examples:
        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> from unstuck.record import Run, RunWriter, signals
        >>> model = torch.nn.Linear(3, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> folder = Path(tempfile.mkdtemp())
        >>> with RunWriter(folder) as writer, Observer(model, optimizer, writer):
        ...     for _ in range(5):
        ...         optimizer.zero_grad()
        ...         torch.nn.functional.mse_loss(model(torch.ones(4, 3)), torch.zeros(4, 1)).backward()
        ...         optimizer.step()
        >>> Run.open(folder).table(signals.UPDATE_RATIO).names
        ('weight', 'bias')
    """

    def __init__(
        self,
        model: nn.Module | None,
        optimizer: Optimizer | OwnUpdates,
        writer: RunWriter,
        *,
        budget: float | Budget = DEFAULT_BUDGET,
        streams: Iterator[int] | None = None,
    ) -> None:
        self._own = optimizer if isinstance(optimizer, OwnUpdates) else None
        steps: Steps = optimizer.holder if isinstance(optimizer, OwnUpdates) else optimizer
        budget = budget if isinstance(budget, Budget) else Budget(budget)
        training = Training(model, steps, own=self._own, writer=writer, budget=budget, streams=streams, bind=self._bind)
        self._training = training
        self._clock, self._collectors, self._batches = training.clock, training.collectors, training.batches
        self._journal, self._spending, self._pace = training.journal, training.spending, training.pace
        self.thread: int | None = threading.get_ident()
        self.updates_of: int | None = id(steps)
        self.entries, self.kinds = training.roots.identities, training.roots.kinds
        self.copy_begins, self.awaits_evaluations = training.collectors.copied, True
        self._process = os.getpid()
        self._afterwards = Afterwards(training)
        self._first_call = FirstCall(self._computed, self.failed)
        # Weak: a script that rebuilds its model must get the memory of the old one back.
        self._steps = weakref.ref(
            steps, lambda _, over=sys.is_finalizing: None if over() else self.retire(outlived=True)
        )

    @property
    def latest(self) -> Latest:
        """The newest numbers."""
        events.rouse()
        return self._training.latest

    @property
    def failure(self) -> Exception | None:
        """The error that ended the observation; None while all is well."""
        return self._journal.failure or self._collectors.error or self._training.evaluations.error

    @property
    def passed_by(self) -> int:
        """Backward passes of others since the latest of this training."""
        return self._batches.passed_by

    def __enter__(self) -> Observer:
        self._training.begin(time.perf_counter())
        patches.listen(self)
        forward.watch(self)
        self._batches.look(True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is not None and not issubclass(kind, KeyboardInterrupt):
            self._training.explain(error)
            self.ended("crashed", message=f"{kind.__name__}: {error}")
        self.ended("completed" if kind is None else "interrupted")
        self.retire()

    def evaluated(
        self,
        *,
        train_loss: float | None = None,
        train_accuracy: float | None = None,
        validation_loss: float | None = None,
        validation_accuracy: float | None = None,
    ) -> None:
        """Record the means of an epoch, as far as they are known.

        A loop that calls this knows its evaluations best: from then on the observer no longer looks for them itself.
        """
        events.rouse()
        with events.Ours():
            self._batches.close(told=True)
        self.awaits_evaluations = False
        validation = (validation_loss, validation_accuracy)
        self._journal.add_means(self._clock.step, training=(train_loss, train_accuracy), validation=validation)

    def ended(self, reason: EndReason, *, message: str = "") -> None:
        """Record how training ended, and all that was gathered up to here; the first call counts."""
        events.rouse()
        if self._clock.phase is Phase.ENDED or os.getpid() != self._process:
            return
        with events.Ours():
            self._settle_own()
            self._batches.close()
            if self._own is None and self._clock.step == 0 and len(self._training.roots):
                self._training.open(self._steps())
            self._training.end(reason, message, thread=self.thread)

    def retire(self, *, outlived: bool = False) -> None:
        """Let go of everything: the training is over, or the model has outlived its optimizer, and may be evaluated."""
        self._afterwards.close()
        with events.Ours():
            patches.unlisten(self)
            forward.unwatch(self)
            for listener in (self._training.evaluations, self._first_call, self._collectors):
                forward.unlisten(listener)
            self.ended("completed")
            self._training.release(knowing=outlived and self.awaits_evaluations and self._own is None)
            if self._own is not None:
                self._own.release()
        self._afterwards.begin(self.thread)

    def failed(self, error: Exception) -> None:
        """Stop watching; what was recorded is kept."""
        self._journal.failure = self._journal.failure or error
        self.retire()

    def backward_begins(self, backward: Backward) -> None:
        """Note the loss; of several before one step the sum of the terms is recorded, the mean of micro-batches."""
        clock, training = self._clock, self._training
        own, graph, start = training.ownership, None, time.perf_counter()
        self._settle_own()
        training.know_parameters(self._steps())
        if self._own is None and forward.blind() and training.passes.unstepped:
            # Its step runs as compiled code, in which no hook is called: see what that does to the weights.
            self._own, self._pace.every_pass = OwnUpdates(training.held), True
        if own.concerns(backward, follows=clock.training is Phase.BACKWARD):
            graph = own.graph(backward, clock, training.view.parameters)
        if not own.concerned:
            training.pass_by(graph)
            return
        self._batches.close()
        lost = clock.phase is Phase.BACKWARD and not own.intermediate and own.cleared()
        first = clock.backward(cleared=lost or own.intermediate)
        if clock.phase is Phase.REPEATED:
            return
        training.differentiate(backward, graph, first=first, lost=lost)
        self._spending.between += time.perf_counter() - start

    def backward_ended(self, backward: Backward) -> None:
        """Tell a loss of this training from that of another optimizer."""
        if self._clock.phase is Phase.REPEATED or not self._training.ownership.concerned:
            return
        if self._training.ownership.ended(backward):
            self._batches.reached()
            self._training.passes.backward_reached()
            if self._clock.sampled:
                self._training.passed_back(backward, more=not (self._own or self._clock.closure))
            if self._own is not None:
                self._own.expect(backward, keep=self._clock.sampled)
                self._training.before_update(self._steps() or self._own.holder)
                if not len(self._training.roots) and self._pace.expects(time.perf_counter()):
                    forward.listen(self._first_call)  # no module will tell that a forward pass begins
        else:
            self._batches.pass_by()
            self._journal.pass_by()

    def step_begins(self, optimizer: Optimizer) -> None:
        """Copy the weights, if this step is sampled."""
        self.thread = threading.get_ident()
        self._own = None  # where it was watched for a compiled step: it is stepped in plain code after all
        if (first := self._clock.step == 0) or self._clock.sampled:
            start = time.perf_counter()
            if first:
                self._training.open(optimizer)
            self._training.before_update(optimizer)
            self._spending.between += time.perf_counter() - start

    def closure_begins(self, optimizer: Optimizer) -> None:
        """The same where the forward pass is yet to come."""
        start = time.perf_counter()
        self.thread, self._own = threading.get_ident(), None
        self._batches.close()
        self._clock.closes()
        self._training.know_parameters(optimizer)
        self._training.before_update(optimizer, look=True)
        self._spending.between += time.perf_counter() - start

    def schedule_stepped(self, optimizer: Optimizer, schedule: LRScheduler) -> None:
        """Note how often the rate's schedule is stepped."""
        self._collectors.tell("schedule_stepped", schedule)

    def loader_begins(self, loader: Any) -> None:
        """Note which loader hands out the examples."""
        self._collectors.tell("loader_begins", loader)

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, learning: bool) -> None:
        """Before a root's forward pass: tell training from evaluation, and recognise examples again."""
        start = time.perf_counter()
        alone = learning and events.quiet.listener is self
        if alone and self._training.enters_quietly(self, module, inputs, start):
            return
        events.rouse()
        self._settle_own()
        if learning and not (self._batches.in_training_mode and not module.training):
            if self._batches.trains(module, inputs, start) and self._pace.seen(self) and events.is_spared(self):
                self._training.hush(self, self._steps())
        elif self.awaits_evaluations:
            self._batches.evaluates(module, inputs, start)
        self._spending.between += time.perf_counter() - start

    def step_ended(self, steps: Steps) -> None:
        """Record the step, and decide whether to sample the next one."""
        start, training = time.perf_counter(), self._training
        if training.step_alone(self, steps, start):
            return
        training.record(steps)
        training.passed(start)
        self._pace.goes_on(self, start)
        recorded = time.perf_counter()
        self._spending.between += recorded - start
        self._pace.decides(self, start, sure=training.ownership.sure)
        if events.is_spared(self):
            training.ownership.rest()
            training.hush(self, steps)
        if self._clock.sampled:
            self._batches.begin()
        self._batches.look(self._clock.sampled)
        self._spending.between += time.perf_counter() - recorded

    def _settle_own(self) -> None:
        """Record an update that the program has made itself since the latest backward pass."""
        steps = self._steps()
        if self._own is not None and steps is not None and self._own.made():
            self.step_ended(steps)
            self._own.forget()

    def _computed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A call that autograd records, where no module tells that a forward pass begins."""
        self._settle_own()
        if self._own is not None and not self._own.awaited:
            forward.unlisten(self._first_call)
            handler = self._collectors.calls.get(function)
            if self._clock.sampled and handler is not None:
                handler(function, args, kwargs, output, learning=True)

    def _bind(self) -> None:
        """The training runs in another thread than its optimizer was made in."""
        self.thread = threading.get_ident()

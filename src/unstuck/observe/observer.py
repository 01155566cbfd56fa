"""Watch one training: an optimizer, and the model whose parameters it holds, in anybody's loop."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Literal

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from unstuck.errors import ArgumentError
from unstuck.observe.batches import Batches
from unstuck.observe.budget import DEFAULT_BUDGET, Budget, Spending
from unstuck.observe.clock import Clock, Phase
from unstuck.observe.collectors.evaluations import Evaluations
from unstuck.observe.collectors.losses import Losses
from unstuck.observe.collectors.nan_origin import origin
from unstuck.observe.collectors.registry import Collectors
from unstuck.observe.collectors.seen_examples import SeenExamples
from unstuck.observe.collectors.view import View
from unstuck.observe.journal import Journal
from unstuck.observe.latest import Latest, median
from unstuck.observe.ownership import Ownership
from unstuck.observe.pace import Pace
from unstuck.observe.recorder import Recorder
from unstuck.observe.torch_hooks import compilation, events, forward, patches
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.updates import FirstCall, OwnUpdates, Steps
from unstuck.observe.user_code.frames import user_modules, user_place
from unstuck.observe.user_code.model_roots import Roots
from unstuck.observe.user_code.model_structure import named_parameters
from unstuck.record import RunWriter, facts

__all__ = ["EndReason", "Latest", "Observer"]

EndReason = Literal["completed", "early stopping", "diverged", "interrupted", "crashed"]


class Observer:
    """Record a training through PyTorch's hooks, without changing a number of it.

    Every step gives its loss and, when it changes, the rate. Sampled steps also give, by parameter tensor, the norms of
    gradient, weights and update (from the real change of the weights), and by layer the statistics of the activations;
    they are reduced on the device and fetched in one synchronisation. How often steps are sampled follows the budget.
    Evaluations between steps are seen by their forward passes without gradients.

    Parameters, buffers, gradients and random-number generators are left bitwise as they would be without it.

    Args:
        model: The model; its forward pass is seen when it, or a module of it, is called. None: the modules that hold
            parameters of the optimizer are found as they are called.
        optimizer: The optimizer that steps it; any subclass of ``torch.optim.Optimizer``. Or, of a program that updates
            its weights itself, the updates that it makes.
        writer: The run to write to; closed by its owner.
        budget: Share of the training time that observing may take; or the budget of a whole program.
        streams: Numbers for the trainings within the run; this one takes the next number at its first step.

    Attributes:
        latest: The newest numbers.
        failure: The error that ended the observation; training goes on without it.
        passed_by: Backward passes of others since the latest of this training.

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
        self._roots = Roots(steps)
        if model is not None:
            self._roots.add(model)
        if not named_parameters(self._roots, steps):
            raise ArgumentError("model and optimizer hold no parameters; hand over the model that the optimizer trains")
        self.thread: int | None = threading.get_ident()
        self.updates_of: int | None = id(steps)
        self.entries = self._roots.identities
        self.awaits_evaluations = True
        self.passed_by = 0
        self._loss: float | None = None
        self._rates: tuple[float, ...] = ()
        self._process = os.getpid()
        self._clock = Clock()
        self._view = View(roots=self._roots)
        self._collectors = Collectors(self._view, adopting=model is None, bind=self._bind)
        seen = SeenExamples()
        self._evaluations = Evaluations(seen, self._roots, self._collectors.one(Losses))
        self._journal = Journal(writer, streams or itertools.count())
        self._recorder = Recorder(
            self._view, self._collectors, seen, self._evaluations, self._journal, made_at=user_place()
        )
        self._budget = budget if isinstance(budget, Budget) else Budget(budget)
        self._spending = Spending(self._budget, self._collectors, self._evaluations)
        self._batches = Batches(
            self._clock,
            self._view,
            collectors=self._collectors,
            evaluations=self._evaluations,
            seen=seen,
            spending=self._spending,
            journal=self._journal,
        )
        self._passes = self._batches.passes
        every_pass = self._own is not None
        self._pace = Pace(self._clock, self._budget, self._spending, self._passes, every_pass=every_pass)
        self._ownership = Ownership(self._roots)
        self._first_call = FirstCall(self._computed, self.failed)
        if self._own is not None:
            self._view.gradient = self._own.gradient
            for module in user_modules():  # the forward pass of the first step has gone by unseen
                self._roots.adopt(module)
        # Weak: a script that rebuilds its model must get the memory of the old one back.
        self._steps = weakref.ref(steps, lambda _: None if sys.is_finalizing() else self.retire())

    @property
    def latest(self) -> Latest:
        """The newest numbers."""
        return Latest(
            step=self._clock.step,
            loss=self._loss,
            accuracy=self._recorder.accuracy,
            learning_rate=self._rates[0] if self._rates else None,
            update_ratio=median(self._recorder.ratios),
        )

    @property
    def failure(self) -> Exception | None:
        """The error that ended the observation; None while all is well."""
        return self._journal.failure or self._collectors.error or self._evaluations.error

    def __enter__(self) -> Observer:
        self._spending.began = time.perf_counter()
        self._budget.begin(self._spending.began)
        patches.listen(self)
        for module in compilation.modules():
            self._roots.adopt(module)
        forward.watch(self)
        self._batches.look(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.ended("completed")
        elif issubclass(kind, KeyboardInterrupt):
            self.ended("interrupted")
        else:
            self.ended("crashed", message=f"{kind.__name__}: {error}")
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
        with events.Ours():
            self._batches.close(told=True)
        self.awaits_evaluations = False
        self._journal.add_means(self._clock.step, training=(train_loss, train_accuracy))
        self._journal.add_means(self._clock.step, validation=(validation_loss, validation_accuracy))

    def ended(self, reason: EndReason, *, message: str = "") -> None:
        """Record how training ended, and all that was gathered up to here; the first call counts."""
        if self._clock.phase is Phase.ENDED or os.getpid() != self._process:
            return
        with events.Ours():
            self._settle_own()
            self._batches.close()
            if self._own is None and self._steps() is not None and self._clock.step == 0 and len(self._roots):
                self._open()
            self._clock.phase = Phase.ENDED
            if self._journal.opened:
                end = facts.End(reason=reason, steps=self._clock.step, message=message)
                cost = self._spending.cost(samples=self._recorder.samples, steps=self._clock.step)
                self._recorder.finish(end, self._passes.fact(self._view.parameters), cost)

    def retire(self) -> None:
        """Let go of everything: the training is over, or its optimizer is gone."""
        with events.Ours():
            patches.unlisten(self)
            forward.unwatch(self)
            for listener in (self._evaluations, self._first_call, self._collectors):
                forward.unlisten(listener)
            self.ended("completed")
            self._spending.settle()
            # The model's memory is the program's: nothing of it may be held here.
            self._name({})
            self._collectors.begin(self._clock.step)
            self._collectors.tell("release")
            self._ownership.release()
            self._roots.clear()
            if self._own is not None:
                self._own.release()

    def failed(self, error: Exception) -> None:
        """Stop watching; what was recorded is kept."""
        self._journal.failure = self._journal.failure or error
        self.retire()

    def backward_begins(self, backward: Backward) -> None:
        """Note the loss; of several backward passes before one step, the mean is recorded."""
        clock, own = self._clock, self._ownership
        quiet = events.is_spared(self) and not clock.eventful and clock.phase is Phase.FORWARD
        if quiet and not self._collectors.waiting and self._journal.note_number(backward.roots):
            clock.phase = Phase.BACKWARD
            return
        start = time.perf_counter()
        self._settle_own()
        if clock.step == 0 and not self._view.named:
            self._name(named_parameters(self._roots, self._steps()))
        graph = None
        if own.concerns(backward, follows=clock.training is Phase.BACKWARD):
            graph = own.graph(backward, clock, self._view.parameters)
        if not own.concerned:
            self.passed_by += 1
            return
        self._batches.close()
        lost = clock.phase is Phase.BACKWARD and not own.intermediate and own.cleared()
        first = clock.backward(cleared=lost or own.intermediate)
        if clock.phase is Phase.REPEATED:
            return
        if first:
            self._journal.clear_pending()
        if clock.sampled:
            self._roots.compiled = self._roots.compiled or forward.blind()
            self._batches.look(not self._collectors.complete)
        self._collectors.tell("before_backward", first and clock.sampled and backward.accumulates)
        self._passes.backward_begins(self._view.parameters, cleared=lost)
        self._batches.in_training_mode = next((root.training for root in self._roots), False)
        if graph is not None:
            self._passes.walked(graph.uses if graph.complete else 0)
            self._collectors.tell("backward", graph)
        if backward.roots:
            root, step = backward.roots[0], clock.step
            self._journal.note_loss(backward.roots, step, lambda: origin(root, self._view, step))
        own.begins(backward, alone=not clock.sampled and events.one_optimizer(), compiled=forward.blind())
        self._spending.between += time.perf_counter() - start

    def backward_ended(self, backward: Backward) -> None:
        """Tell a loss of this training from that of another optimizer."""
        if self._clock.phase is Phase.REPEATED or not self._ownership.concerned:
            return
        if self._ownership.ended(backward):
            self.passed_by = 0
            self._passes.backward_reached()
            if self._own is not None:
                self._own.expect(backward, keep=self._clock.sampled)
                self._update_begins(self._own.holder)
                self._await_call()
        else:
            self.passed_by += 1
            self._journal.pass_by()

    def step_begins(self, optimizer: Optimizer, closure: bool) -> None:
        """Copy the weights, if this step is sampled; with a closure, the forward pass is yet to come."""
        self.thread = threading.get_ident()
        if self._clock.sampled or closure or self._clock.step == 0:
            start = time.perf_counter()
            if closure:
                self._batches.close()
                self._clock.closes()
                if not self._view.named:
                    self._name(named_parameters(self._roots, optimizer))
            elif self._clock.step == 0:
                self._open()
            self._update_begins(optimizer, look=closure)
            self._spending.between += time.perf_counter() - start

    def step_ended(self, optimizer: Optimizer) -> None:
        """Record the step, and decide whether to sample the next one."""
        self._update_ended(optimizer)

    def schedule_stepped(self, optimizer: Optimizer, schedule: LRScheduler) -> None:
        """Note how often the rate's schedule is stepped."""
        self._collectors.tell("schedule_stepped", schedule)

    def loader_begins(self, loader: Any) -> None:
        """Note which loader hands out the examples."""
        self._collectors.tell("loader_begins", loader)

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, learning: bool) -> None:
        """Before a root's forward pass: tell training from evaluation, and recognise examples again."""
        start = time.perf_counter()
        self._settle_own()
        if learning and not (self._batches.in_training_mode and not module.training):
            if self._batches.trains(module, inputs, start):
                self._pace.seen(self)
        elif self.awaits_evaluations:
            self._batches.evaluates(module, inputs, start)
        self._spending.between += time.perf_counter() - start

    def _update_begins(self, optimizer: Steps, *, look: bool = False) -> None:
        if self._clock.sampled:
            self._batches.look(look)
            self._refresh_parameters(optimizer)
            self._collectors.tell("before_update", optimizer)
            if self._recorder.shards is not None:
                self._recorder.shards.before(optimizer)

    def _update_ended(self, optimizer: Steps) -> None:
        start = time.perf_counter()
        clock = self._clock
        if self._pace.rests(start):
            number = self._journal.record_number(clock.step, optimizer, start)
            if number is not None:
                self._loss = number
                self._pass(start)
                return
        if clock.step == 0:
            self._open()
        loss = self._journal.record_loss(clock.step, now=clock.sampled)
        self._loss = self._loss if loss is None else loss
        self._rates = self._journal.record_rates(clock.step, optimizer)
        if clock.sampled:
            self._recorder.sample(optimizer)
            self._pace.sampler.together = self._recorder.shards is not None
        self._pass(start)
        self._pace.decides(self, start, sure=self._ownership.sure)
        if clock.sampled:
            self._collectors.begin(clock.step)
        self._batches.look(clock.sampled)

    def _pass(self, start: float) -> None:
        self._clock.updated()
        self._view.updates = self._passes.step = self._clock.step
        self._pace.goes_on(self, start)
        self._spending.between += time.perf_counter() - start

    def _settle_own(self) -> None:
        """Record an update that the program has made itself since the latest backward pass."""
        if self._own is not None and self._own.made():
            self._update_ended(self._own.holder)
            self._own.forget()

    def _await_call(self) -> None:
        """In a program without modules, wait for the call that begins the next forward pass, if it may be sampled."""
        elapsed = self._budget.elapsed(time.perf_counter())
        if not len(self._roots) and self._pace.sampler.expected(self._clock.step + 1, elapsed=elapsed):
            forward.listen(self._first_call)

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

    def _open(self) -> None:
        optimizer = self._steps()
        if not self._journal.opened and optimizer is not None:
            self._name(named_parameters(self._roots, optimizer))
            self._recorder.open(optimizer)

    def _name(self, named: dict[str, Tensor]) -> None:
        """Take in the parameters by their names."""
        self._view.named, self._view.parameters = named, list(named.values())
        self._ownership.watch(self._view.parameters)

    def _refresh_parameters(self, optimizer: Steps) -> None:
        """Take in parameters that were added, or found, since."""
        named = named_parameters(self._roots, optimizer)
        known = {id(parameter) for parameter in self._view.parameters}
        new = {name: parameter for name, parameter in named.items() if id(parameter) not in known}
        if new:
            self._name({**self._view.named, **new})
            if self._journal.opened:
                self._recorder.add_parameters(optimizer, new)

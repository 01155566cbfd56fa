"""Watch one training: an optimizer, and the model whose parameters it holds, in anybody's loop."""

from __future__ import annotations

import itertools
import os
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from unstuck.errors import ArgumentError
from unstuck.observe import blind_spots
from unstuck.observe.budget import Spending
from unstuck.observe.collectors.evaluations import EvaluationProbe
from unstuck.observe.collectors.inputs import first_tensor
from unstuck.observe.collectors.loaders import LoaderProbe
from unstuck.observe.collectors.seen_examples import Identity
from unstuck.observe.journal import Journal
from unstuck.observe.latest import Latest, median
from unstuck.observe.live import MODES_EVERY_STEP_UNTIL, LiveFacts
from unstuck.observe.sampling import DEFAULT_BUDGET, Sampler
from unstuck.observe.sharded.rank_store import connect
from unstuck.observe.sharded.shards import PATIENCE_SECONDS, GatheredShards, has_shards, unmeasured
from unstuck.observe.step import StepProbe
from unstuck.observe.torch_hooks import compilation, forward, patches
from unstuck.observe.torch_hooks.backward import Reaching
from unstuck.observe.user_code.frames import user_place, user_trail
from unstuck.observe.user_code.model_roots import Roots
from unstuck.observe.user_code.model_structure import (
    describe_environment,
    describe_model,
    describe_optimizer,
    named_parameters,
)
from unstuck.record import RunWriter, facts, signals
from unstuck.record.signals import Index

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
        optimizer: The optimizer that steps it; any subclass of ``torch.optim.Optimizer``.
        writer: The run to write to; closed by its owner.
        budget: Share of the training time that observing may take.
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
        optimizer: Optimizer,
        writer: RunWriter,
        *,
        budget: float = DEFAULT_BUDGET,
        streams: Iterator[int] | None = None,
    ) -> None:
        self._loss: float | None = None
        self._rates: tuple[float, ...] = ()
        self._accuracy: float | None = None
        self._ratios: Sequence[float] = ()
        self._process = os.getpid()
        self._made_at = user_place()
        self._roots = Roots(optimizer)
        if model is not None:
            self._roots.add(model)
        if not named_parameters(self._roots, optimizer):
            raise ArgumentError("model and optimizer hold no parameters; hand over the model that the optimizer trains")
        self.entries = self._roots.identities
        self.awaits_evaluations = True
        self.spared = False
        self._journal = Journal(writer, streams or itertools.count())
        self._sampler = Sampler(budget=budget)
        self._probe = StepProbe(self._roots, adopting=model is None)
        self._identity = Identity()
        self._evaluation = EvaluationProbe(self._identity, self._roots, self._probe.loss)
        self._live = LiveFacts(self._roots)
        self._reaching = Reaching()
        self._loaders = LoaderProbe(lambda: self._step)
        self._shards: GatheredShards | None = None
        self._entry: weakref.ref[nn.Module] | None = None
        self._named: dict[str, Tensor] = {}
        self._step = 0
        self._samples = 0
        self._sampling = True
        self._evaluating = False
        self._told = False
        self._stepped = False
        self._stepping = False
        self._surplus = self._uneventful = False
        self._rest = (0, 0.0)
        self._told_compiled = False
        self._spending = Spending(budget, self._probe, self._evaluation)
        self._ended = False
        # Weak: a script that rebuilds its model must get the memory of the old one back.
        self._optimizer = weakref.ref(optimizer, lambda _: None if sys.is_finalizing() else self.retire())

    @property
    def latest(self) -> Latest:
        """The newest numbers."""
        return Latest(
            step=self._step,
            loss=self._loss,
            accuracy=self._accuracy,
            learning_rate=self._rates[0] if self._rates else None,
            update_ratio=median(self._ratios),
        )

    @property
    def failure(self) -> Exception | None:
        """The error that ended the observation; None while all is well."""
        return self._journal.failure or self._probe.error or self._evaluation.error

    def __enter__(self) -> Observer:
        self._spending.began = time.perf_counter()
        patches.listen(self)
        for module in compilation.modules():
            self._roots.adopt(module)
        forward.watch(self)
        self._loaders.start()
        self._look(True)
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
        if self._evaluating:
            self._evaluating = False
            forward.unlisten(self._evaluation)
            self._evaluation.close()
            self._look(self._sampling)
        self._told = True
        self.awaits_evaluations = False
        self._journal.add_means(self._step, training=(train_loss, train_accuracy))
        self._journal.add_means(self._step, validation=(validation_loss, validation_accuracy))

    def ended(self, reason: EndReason, *, message: str = "") -> None:
        """Record how training ended, and all that was gathered up to here; the first call counts."""
        if self._ended or os.getpid() != self._process:
            return
        self._ended = True
        self._close_evaluation()
        if self._optimizer() is not None and self._step == 0 and len(self._roots):
            self._open()
        if not self._journal.opened:
            return
        self._journal.fetch_losses()
        self._add_shards(patience=PATIENCE_SECONDS)
        self._state_gathered()
        for association in (self._probe.association(), self._evaluation.association()):
            if association is not None:
                self._journal.state(association)
        self._record_filters()
        self._journal.state(self._live.passes.fact(self._probe.parameters.parameters))
        self._journal.state(self._spending.cost(samples=self._samples, steps=self._step))
        self._journal.state(facts.End(reason=reason, steps=self._step, message=message))

    def retire(self) -> None:
        """Let go of everything: the training is over, or its optimizer is gone."""
        patches.unlisten(self)
        forward.unwatch(self)
        self._loaders.stop()
        forward.unlisten(self._evaluation)
        self._look(False)
        self.ended("completed")
        self._name({})
        self._probe.begin(self._step)
        self._roots.clear()
        self._live.release()

    def backward_begins(self, roots: tuple[Tensor, ...]) -> None:
        """Note the loss; of several backward passes before one step, the mean is recorded."""
        quiet = self.spared and self._uneventful and self._stepped and not self._live.overheard
        if quiet and self._journal.note_number(roots[0]):
            self._stepped = False
            return
        start = time.perf_counter()
        self._close_evaluation()
        follows = not self._stepped and bool(self._journal.pending)
        cleared = follows and self._reaching.cleared()
        first = not follows or cleared
        if self._stepping and first and not self._stepped and self._journal.pending:
            self._surplus = True
        if self._surplus:
            return  # a closure is called again: the loss of the step is the one at its start
        if first:
            self._journal.clear_pending()
            self._stepped = False
        if self._sampling:
            self._roots.compiled = self._roots.compiled or forward.blind()
            self._look(not self._probe.complete)
            if first and self._named:
                self._probe.parameters.note_carried()
        if self._step == 0 and not self._named:
            self._name(named_parameters(self._roots, self._optimizer()))
        edges = self._probe.edges
        self._live.passes.backward_begins(self._probe.parameters.parameters, cleared=cleared)
        self._live.backward_begins(roots, self._step, self._named, self._probe.ends, self._probe.ran)
        self._journal.note_loss(roots[0], self._step, lambda: self._live.trace(roots[0], self._step, edges))
        self._reaching.begins(alone=not self._sampling and patches.one_optimizer())
        self._spending.between += time.perf_counter() - start

    def backward_ended(self) -> None:
        """Tell a loss of this training from that of another optimizer."""
        if not self._surplus:
            (self._live.passes.backward_reached if self._reaching.ended() else self._journal.pass_by)()

    def step_begins(self, optimizer: Optimizer, closure: bool) -> None:
        """Copy the weights, if this step is sampled; with a closure, the forward pass is yet to come."""
        if optimizer is not self._optimizer() or not (self._sampling or closure or self._step == 0):
            return
        start = time.perf_counter()
        if closure:
            self._close_evaluation()
            self._stepped = self._stepping = True
            if not self._named:
                self._name(named_parameters(self._roots, optimizer))
        elif self._step == 0:
            self._open()
        if self._sampling:
            self._look(closure)
            self._refresh_parameters(optimizer)
            self._probe.before_update(optimizer)
            if self._shards is not None:
                self._shards.before(optimizer)
        self._spending.between += time.perf_counter() - start

    def step_ended(self, optimizer: Optimizer) -> None:
        """Record the step, and decide whether to sample the next one."""
        if optimizer is not self._optimizer():
            return
        start = time.perf_counter()
        self._stepped = True
        self._stepping = self._surplus = False
        if self._uneventful and self._step + 1 < self._rest[0] and start < self._rest[1]:
            number = self._journal.record_number(self._step, optimizer, start)
            if number is not None:
                self._loss = number
                self._pass(start)
                return
        if self._step == 0:
            self._open()
        loss = self._journal.record_loss(self._step, now=self._sampling)
        self._loss = self._loss if loss is None else loss
        self._rates = self._journal.record_rates(self._step, optimizer)
        if self._sampling:
            self._identity.learn()
            self._record_sample(optimizer)
        self._pass(start)
        elapsed, spent = start - self._spending.began, self._spending.on_samples
        self._sampling = self._sampler.due(self._step, elapsed=elapsed, spent=spent)
        if self._sampling:
            self._uneventful = False
            self._probe.begin(self._step)
        self._look(self._sampling)
        if self._sees_forward():
            forward.attend(self)
            self._rest = (0, 0.0)
        else:
            if start < self._spending.recognises_from:
                forward.disregard(self)
            step, seconds = self._sampler.rest(self._step, spent=spent)
            self._rest = (step, self._spending.began + seconds)
        patches.spare(self, spared=self._uneventful and self._reaching.sure and patches.one_optimizer())

    def _sees_forward(self) -> bool:
        """Whether the forward passes of this step tell more than which examples it learns from."""
        return self._sampling or self._step <= MODES_EVERY_STEP_UNTIL

    def _pass(self, start: float) -> None:
        """Go on to the next step; of its forward pass nothing is to be told, but perhaps of its examples."""
        self._step += 1
        self._live.passes.step = self._step
        if start >= self._spending.recognises_from:
            forward.attend(self)
        elif not self._live.passes.single:
            forward.disregard(self)
        self._uneventful = self._step > 2 and self._step & (self._step - 1) != 0
        self._spending.between += time.perf_counter() - start

    def schedule_stepped(self, schedule: LRScheduler) -> None:
        """Note how often the rate's schedule is stepped."""
        if schedule.optimizer is self._optimizer():
            self._live.schedule_stepped(schedule, self._step)

    def failed(self, error: Exception) -> None:
        """Stop watching; what was recorded is kept."""
        self._journal.failure = self._journal.failure or error
        self.retire()

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Before a root's forward pass: tell training from evaluation, and recognise examples again."""
        start = time.perf_counter()
        with torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage]
            training = torch.is_grad_enabled() and not (self._live.trained_in_training_mode and not module.training)
            if training:
                if self._evaluating:
                    self._resume(module, inputs)
                self._live.forward_begins(self._step, "training")
                if self._enters(module):
                    self._live.passes.forward_begins()
                    self._recognise(inputs, start)
                    if not self._sees_forward() and self._live.passes.single:
                        forward.disregard(self)
            elif not self._told and (self._evaluating or self._spending.may_evaluate(start)):
                self._evaluated(module, inputs if self._enters(module) else (), start)
        self._spending.between += time.perf_counter() - start

    def _enters(self, module: nn.Module) -> bool:
        """Whether a module is the one that examples enter by, the first that was called, and not one behind it."""
        entry = None if self._entry is None else self._entry()
        if entry is None:
            self._entry = weakref.ref(module)
        return entry is None or entry is module

    def _evaluated(self, module: nn.Module, inputs: tuple[Any, ...], start: float) -> None:
        """See a batch of an evaluation."""
        self._uneventful = False
        self._live.forward_begins(self._step, "evaluation")
        if not self._evaluating and not self._roots.compiled:
            self._evaluating = True
            self._look(False)
            forward.listen(self._evaluation)
            forward.enter(module)
        self._evaluation.batch(inputs)
        self._spending.evaluating += time.perf_counter() - start

    def _resume(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Training goes on after an evaluation; this forward pass has begun already."""
        self._close_evaluation()
        if self._sampling and not self._roots.compiled:
            forward.enter(module)
            self._probe.module_begins(module, inputs, outermost=True)

    def _look(self, wanted: bool) -> None:
        """See the forward pass of this step, or do not."""
        if wanted and not self._ended and not self._roots.compiled:
            forward.listen(self._probe)
        else:
            forward.unlisten(self._probe)

    def _recognise(self, inputs: tuple[Any, ...], now: float) -> None:
        self._identity.latest = user_trail() if self._sampling else None
        if now < self._spending.recognises_from:
            return
        if self._sampling and (batch := first_tensor(inputs)) is not None:
            self._evaluation.shift.train(batch)
        seen = self._live.recognise(self._identity, inputs)
        self._spending.recognised(time.perf_counter() - now)
        if seen is not None and self._sampling:
            self._journal.later(signals.BATCH_SEEN_BEFORE, seen)

    def _close_evaluation(self) -> None:
        if not self._evaluating:
            return
        self._evaluating = False
        forward.unlisten(self._evaluation)
        for result in self._evaluation.close():
            part = "training" if result.trained_on else "validation"
            self._journal.add_means(self._step, **{part: (result.loss, result.accuracy)})
        self._look(self._sampling)

    def _open(self) -> None:
        """Name what the samples will speak of, now that the first forward pass has shown it."""
        optimizer = self._optimizer()
        if self._journal.opened or optimizer is None:
            return
        self._name(named_parameters(self._roots, optimizer))
        self._journal.open()
        self._journal.state(describe_environment(self._named.values()))
        self._journal.name(Index.PARAMETER, self._named)
        self._journal.name(Index.GROUP, [f"group{i}" for i in range(len(optimizer.param_groups))])
        self._journal.state(describe_model(self._roots, optimizer, self._named))
        self._journal.state(describe_optimizer(optimizer, self._made_at))
        if has_shards(optimizer):
            store = connect()
            self._shards = None if store is None else GatheredShards(store)
            self._sampler.together = store is not None
        for missing in unmeasured(self._named.values(), gathered=self._shards is not None):
            self._journal.state(facts.Event(step=self._step, what=missing, blinds=True))
        self._record_filters()

    def _record_sample(self, optimizer: Optimizer) -> None:
        """Fetch and write all that this step's probes measured."""
        sample = self._probe.after_update(self._step, optimizer)
        self._samples += 1
        self._journal.name_layers(self._probe.layers)
        if self._shards is not None:
            sample = self._shards.after(self._step, sample, optimizer, list(self._named.values()))
            self._add_shards()
        self._journal.add_sample(self._step, sample)
        self._journal.add_later(self._step)
        if self._samples & (self._samples - 1) == 0:
            self._state_gathered()
        if (forward.blind() or self._roots.compiled) and not self._told_compiled:
            self._told_compiled = True
            self._journal.state(facts.Event(step=self._step, what=blind_spots.COMPILED, blinds=True))
        self._accuracy = sample.get(signals.ACCURACY, self._accuracy)
        self._ratios = sample.get(signals.UPDATE_RATIO, self._ratios)

    def _add_shards(self, *, patience: float = 0.0) -> None:
        """Write the samples for which all processes have measured their parts; with patience, the last ones too."""
        if self._shards is None:
            return
        for step, sample in self._shards.complete(patience=patience):
            self._journal.add_sample(step, sample)
        if patience and self._shards.missed:
            self._journal.state(facts.Event(step=self._step, what=blind_spots.SHARDED, blinds=True))

    def _state_gathered(self) -> None:
        gathered = (*self._probe.facts(), *self._probe.noticed, *self._live.facts(self._step))
        self._probe.noticed.clear()
        compared = (self._evaluation.overlap(), self._evaluation.shifted())
        gathered = (*gathered, *self._loaders.facts(), *self._evaluation.dropouts.facts())
        for fact in (*gathered, *(fact for fact in compared if fact is not None)):
            self._journal.state(fact)

    def _record_filters(self) -> None:
        filters = self._probe.filters()
        if filters is not None:
            self._journal.array("filters", self._step, filters)

    def _name(self, named: dict[str, Tensor]) -> None:
        """Take in the parameters by their names."""
        self._named = named
        self._probe.parameters.parameters = list(named.values())
        self._reaching.watch(self._probe.parameters.parameters)

    def _refresh_parameters(self, optimizer: Optimizer) -> None:
        """Take in parameters that were added, or found, since."""
        named = named_parameters(self._roots, optimizer)
        known = {id(parameter) for parameter in self._named.values()}
        new = {name: parameter for name, parameter in named.items() if id(parameter) not in known}
        if new:
            self._name({**self._named, **new})
            self._journal.name(Index.PARAMETER, new)
            self._journal.state(describe_model(self._roots, optimizer, self._named))

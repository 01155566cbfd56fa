"""One training while it is watched: where it is, who looks at it, and who writes it down."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck.errors import ArgumentError
from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.batches import Batches
from unstuck.observe.budget import Budget, Spending
from unstuck.observe.clock import Clock, Phase
from unstuck.observe.collectors.evaluations import Evaluations
from unstuck.observe.collectors.loss_terms import LossTerms
from unstuck.observe.collectors.losses import Losses
from unstuck.observe.collectors.nan_origin import origin
from unstuck.observe.collectors.registry import Collectors
from unstuck.observe.collectors.schedules import Schedules
from unstuck.observe.collectors.seen_examples import SeenExamples
from unstuck.observe.collectors.view import View
from unstuck.observe.journal import Journal
from unstuck.observe.latest import Latest, median
from unstuck.observe.ownership import Ownership
from unstuck.observe.pace import Attends, Pace
from unstuck.observe.recorder import Recorder
from unstuck.observe.torch_hooks import compilation, events, forward
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.torch_hooks.quiet_steps import QuietSteps
from unstuck.observe.updates import OwnUpdates, Steps
from unstuck.observe.user_code.failed_lookup import failed_lookup
from unstuck.observe.user_code.frames import user_modules, user_place
from unstuck.observe.user_code.model_roots import Roots
from unstuck.observe.user_code.model_structure import named_parameters
from unstuck.record import RunWriter, facts

__all__ = ["EndReason", "Training"]

EndReason = Literal["completed", "early stopping", "diverged", "interrupted", "crashed"]


class Training:
    """The parts that watch one training, put together.

    Args:
        model: The model; None if its modules are to be found as they are called.
        steps: What holds its parameters.
        own: Its updates, where the program makes them itself.
        writer: The run.
        budget: The program's.
        streams: Numbers for trainings; this one takes the next at its first step.
        bind: Called when the training turns out to run in another thread than its optimizer was made in.

    Attributes:
        roots: The modules that are trained.
        clock: Where the training is.
        view: The sampled step.
        collectors: What looks at it.
        batches: What enters the model.
        passes: Counts of forward and backward passes.
        evaluations: What looks at evaluations.
        journal: The pen.
        recorder: What writes with it.
        spending: What it has cost.
        pace: How much is looked at.
        ownership: Whose backward pass it is.

    Raises:
        ArgumentError: There are no parameters.
    """

    def __init__(
        self,
        model: nn.Module | None,
        steps: Steps,
        *,
        own: OwnUpdates | None,
        writer: RunWriter,
        budget: Budget,
        streams: Iterator[int] | None,
        bind: Callable[[], None],
    ) -> None:
        self.roots = Roots(steps)
        if model is not None:
            self.roots.add(model)
        if not (self.roots.parameters() or any(group["params"] for group in steps.param_groups)):
            raise ArgumentError("model and optimizer hold no parameters; hand over the model that the optimizer trains")
        self.clock = Clock()
        self.view = View(roots=self.roots, optimizer=events.meet(steps) if isinstance(steps, Optimizer) else None)
        self.collectors = Collectors(self.view, adopting=model is None, bind=bind)
        seen = SeenExamples()
        self.evaluations = Evaluations(seen, self.roots, self.collectors.one(Losses))
        self._terms: LossTerms = self.collectors.one(LossTerms)
        self._schedules: Schedules = self.collectors.one(Schedules)
        self.journal = Journal(writer, streams or itertools.count())
        self.recorder = Recorder(self.view, self.collectors, seen, self.evaluations, self.journal, made_at=user_place())
        self.spending = Spending(budget, self.collectors, self.evaluations)
        self.batches = Batches(
            self.clock,
            self.view,
            collectors=self.collectors,
            evaluations=self.evaluations,
            seen=seen,
            spending=self.spending,
            journal=self.journal,
        )
        self.passes = self.batches.passes
        self.pace = Pace(self.clock, budget, self.spending, self.passes, every_pass=own is not None)
        self.ownership = Ownership(self.roots)
        self.began = self.ended = 0.0
        self._loss: float | None = None
        self._shared: bool | None = None  # whether another optimizer may follow passes that this one's updates do not
        self._rates: tuple[float, ...] = ()
        if own is not None:
            self.view.gradient = own.gradient
            for module in user_modules():  # the forward pass of the first step has gone by unseen
                self.roots.adopt(module)

    @property
    def latest(self) -> Latest:
        """The newest numbers."""
        return Latest(
            step=self.clock.step,
            loss=self._loss,
            accuracy=self.recorder.accuracy,
            learning_rate=self._rates[0] if self._rates else None,
            update_ratio=median(self.recorder.ratios),
        )

    def begin(self, now: float) -> None:
        """It may begin at any moment from now."""
        self.spending.began = now
        self.spending.budget.begin(now)
        for module in compilation.modules():
            self.roots.adopt(module)

    def open(self, steps: Steps | None) -> None:
        """Name what its samples will speak of, once its first forward pass has shown it."""
        if not self.journal.opened and steps is not None:
            self.began = self.ended = time.perf_counter()
            self.name(named_parameters(self.roots, steps))
            self.recorder.open(steps)

    def name(self, named: dict[str, Tensor]) -> None:
        """Take in its parameters by their names."""
        self.view.named, self.view.parameters = named, list(named.values())
        self.ownership.watch(self.view.parameters)

    def know_parameters(self, steps: Steps | None) -> None:
        """Find its parameters before the first step."""
        if self.clock.step == 0 and not self.view.named:
            self.name(named_parameters(self.roots, steps))

    def before_update(self, steps: Steps, *, look: bool = False) -> None:
        """Copy what the update of a sampled step will change; see forward passes on, where they are yet to come."""
        if not self.clock.sampled:
            return
        self.batches.look(look)
        self._refresh(steps)
        self.collectors.tell("before_update", steps)
        if self.recorder.shards is not None:
            self.recorder.shards.before(steps)

    def _refresh(self, steps: Steps) -> None:
        """Take in parameters that were added, or found, since."""
        if not self.roots.changed(steps):
            return
        named = named_parameters(self.roots, steps)
        known = {id(parameter) for parameter in self.view.parameters}
        new = {name: parameter for name, parameter in named.items() if id(parameter) not in known}
        if new:
            self.name({**self.view.named, **new})
            if self.journal.opened:
                self.recorder.add_parameters(steps, new)

    def differentiate(self, backward: Backward, graph: GraphWalk | None, *, first: bool, lost: bool) -> None:
        """A backward pass of this training begins: note its loss, and show collectors what it is made of.

        Args:
            backward: The pass.
            graph: Its graph, where it was walked.
            first: Whether it is the first of its step.
            lost: Whether what the pass before it gave is gone, and was not used.
        """
        clock, view = self.clock, self.view
        if first:
            self.journal.clear_pending()
            if view.between.began:
                self.collectors.cleared()
        if clock.sampled:
            self.roots.compiled = self.roots.compiled or forward.blind()
            self.batches.look(not self.collectors.complete)
        self.collectors.tell("before_backward", first and clock.sampled and backward.accumulates)
        self.passes.backward_begins(view.parameters, cleared=lost)
        if self._shared is None and self.passes.unstepped:
            self._shared = any(len(own) > 1 for key, own in events.holders().items() if key in self.roots.held)
        self.batches.in_training_mode = next((root.training for root in self.roots), False)
        if graph is not None:
            self.passes.walked(graph.uses if graph.complete else 0)
            self.collectors.walked(graph)
        if backward.roots:
            root, step = backward.roots[0], clock.step
            self.journal.note_loss(backward.roots, step, lambda: origin(root, view, step))
            self._look_at(root)
        alone = not clock.sampled and events.one_optimizer()
        self.ownership.begins(backward, alone=alone, compiled=forward.blind())

    def pass_by(self, graph: GraphWalk | None) -> None:
        """A backward pass of others begins, with its graph where it was walked."""
        if graph is not None:
            self.collectors.tell("led_past", graph)
        self.batches.pass_by()

    def passed_back(self, backward: Backward, *, more: bool) -> None:
        """A backward pass of a sampled step has ended, which was this training's.

        Args:
            backward: The pass.
            more: Whether the program may make another one before it calls for the update.
        """
        self.collectors.tell("after_backward", backward)
        self.view.given.clear()
        self.view.targets.clear()
        if more and self.passes.several and backward.accumulates and self.collectors.goes_on():
            self.batches.look(True)

    def _look_at(self, root: Tensor) -> None:
        """Show collectors a loss that is known: one that is thrown, or the usual one of a sampled step."""
        number, limit = self.journal.pending[-1] if self.journal.pending else None, self.journal.limit
        if type(number) is not float or not root.is_cpu:
            return
        usual = limit.value
        if number > usual and limit.crosses(number):
            self.collectors.tell("thrown", root, usual)
        elif self.clock.sampled:
            self.collectors.tell("ordinary", root)

    def step_alone(self, watcher: Attends, steps: Steps, now: float) -> bool:
        """Record a step that gives one number, its loss, and after which nothing is to be decided; whether it does."""
        number = self.journal.record_number(self.clock.step, steps, now) if self.pace.rests(now) else None
        if number is None:
            return False
        self._loss = number
        self.passed(now)
        self.pace.goes_on(watcher, now)
        self.hush(watcher, steps)
        self.spending.between += time.perf_counter() - now
        return True

    def enters_quietly(self, watcher: Attends, module: nn.Module, inputs: tuple[Any, ...], start: float) -> bool:
        """A batch of a quiet step enters: recognise its examples, if that is all that is wanted; whether it is."""
        quiet = events.quiet.steps
        if quiet is None or not self.batches.recognises(module, inputs, start):
            return False
        self.pace.recognised(watcher)
        quiet.until = min(self.pace.quiet()[1], self.journal.full_at)
        self.spending.between += time.perf_counter() - start
        return True

    def hush(self, listener: events.Listener, steps: Steps | None) -> None:
        """Take in the coming steps, if nothing but their loss is wanted of them."""
        quiet, until = self.pace.quiet()
        until = min(until, self.journal.full_at)
        if quiet > 0 and self.clock.phase is Phase.FORWARD and isinstance(steps, Optimizer):
            taking = QuietSteps(
                steps,
                self._rates,
                steps=quiet,
                until=until,
                limit=self.journal.limit.value,
                waits=self.collectors.waiting,
                passes=self.passes.usual,
                terms=self.journal.different,
                closures=self.clock.plain,
                scheduled=self._schedules.counts,
            )
            events.hush(listener, taking, self._heard)

    def _heard(self, quiet: QuietSteps) -> None:
        """Record the steps that were taken in quietly, and the loss of the one that is under way."""
        first = self.clock.step
        if quiet.losses:
            self.journal.record_numbers(first, quiet.losses)
            self._loss = quiet.losses[-1]
            self.passed(quiet.ended, len(quiet.losses), passes=quiet.taken)
        if quiet.changes:
            self._rates = self.journal.record_changes(first, quiet.changes)
        if quiet.closing:
            self.clock.closes()
        if quiet.pending:
            self.journal.note_numbers(quiet.pending)
            for _ in quiet.pending:
                self.passes.backward_taken()
            self.clock.phase = Phase.BACKWARD

    def record(self, steps: Steps) -> None:
        """Record a step: its loss, its rates, and what was sampled of it."""
        step, sampled = self.clock.step, self.clock.sampled
        if step == 0:
            self.open(steps)
        if sampled and self.view.apart:
            self.journal.different = self._terms.different or self.journal.different
        loss = self.journal.record_loss(step, now=sampled)
        self._loss = self._loss if loss is None else loss
        self._rates = self.journal.record_rates(step, steps)
        if sampled:
            self.recorder.sample(steps)
            self.pace.sampler.together = self.recorder.shards is not None

    def passed(self, now: float, updates: int = 1, *, passes: int = 0) -> None:
        """Updates were made, by so many backward passes that were not told."""
        self.ended = now
        self.clock.updated(updates)
        self.passes.updated(updates, untold=passes)
        self.view.updates = self.clock.step

    @property
    def held(self) -> list[Tensor]:
        """Its parameters that the optimizer holds and may change."""
        return [p for p in self.view.parameters if id(p) in self.roots.held and p.requires_grad]

    def explain(self, error: BaseException | None) -> None:
        """Look at what ended the program while its frames are there."""
        with contextlib.suppress(Exception):  # after some errors of a GPU no tensor can be read
            self.view.notice(failed_lookup(error, self.roots.path) if error is not None else None)

    def end(self, reason: EndReason, message: str, *, thread: int | None) -> None:
        """Record how it ended, and all that was gathered up to here."""
        self.clock.phase = Phase.ENDED
        if not self.journal.opened:
            return
        start, budget = time.perf_counter(), self.spending.budget
        unrecorded = 0 if self._shared else self.passes.unfollowed(self.view.parameters)
        end = facts.End(
            reason=reason,
            steps=self.clock.step,
            message=message,
            backward_passes=self.passes.reached,
            unrecorded=unrecorded,
        )
        span = facts.Span(began=budget.elapsed(self.began), ended=budget.elapsed(self.ended), thread=thread or 0)
        cost = self.spending.cost(samples=self.recorder.samples, steps=self.clock.step)
        thorough = budget.trainings == 1 or budget.has_room(start)
        counted = (self.passes.fact(self.view.parameters), cost, span, end)
        self.recorder.finish(*counted, thorough=thorough)
        budget.longest = max(budget.longest, self.clock.step)
        self.spending.between += time.perf_counter() - start
        self.spending.settle()

    def release(self, *, knowing: bool = False) -> None:
        """Let go of the program's tensors and modules: their memory is the program's.

        Args:
            knowing: Whether to know the modules that live on all the same.
        """
        self.name({})
        self.collectors.begin(self.clock.step)
        self.collectors.tell("release")
        self.batches.release()
        self.ownership.release()
        (self.roots.loosen if knowing else self.roots.clear)()

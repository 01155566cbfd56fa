"""Batches that enter the model: those that something is learnt from, and those of evaluations between updates."""

from __future__ import annotations

import time
import weakref
from typing import Any

from torch import nn

from unstuck.observe.aside_calls import AsideCalls
from unstuck.observe.budget import Spending
from unstuck.observe.clock import Clock, Phase
from unstuck.observe.collectors.bootstraps import Bootstraps
from unstuck.observe.collectors.evaluated_pass import Result
from unstuck.observe.collectors.evaluations import Evaluations
from unstuck.observe.collectors.inputs import first_tensor
from unstuck.observe.collectors.passes import Passes
from unstuck.observe.collectors.registry import Collectors
from unstuck.observe.collectors.seen_examples import SeenExamples, recognised
from unstuck.observe.collectors.view import View
from unstuck.observe.journal import Journal
from unstuck.observe.torch_hooks import forward
from unstuck.observe.user_code.frames import user_trail
from unstuck.record import signals

__all__ = ["Batches"]

PATIENCE = 16
"""Backward passes of others after which a training is listened for no more until it goes on: it may be over."""


class Batches:
    """Tell training from evaluation at each forward pass that is attended to, and recognise examples again.

    Args:
        clock: Where the training is.
        view: The sampled step.
        collectors: Who sees the forward passes of training.
        evaluations: Who sees those of evaluations.
        seen: The examples met so far.
        spending: What it may cost.
        journal: The pen.

    Attributes:
        passes: Counts of forward and backward passes.
        in_training_mode: Whether the loss was taken with the model in training mode.
        passed_by: Backward passes of others since the latest of this training.
    """

    def __init__(
        self,
        clock: Clock,
        view: View,
        *,
        collectors: Collectors,
        evaluations: Evaluations,
        seen: SeenExamples,
        spending: Spending,
        journal: Journal,
    ) -> None:
        self.passes = Passes()
        self.in_training_mode = False
        self.passed_by = 0
        self._clock = clock
        self._view, self._roots = view, view.roots
        self._collectors = collectors
        self._evaluations = evaluations
        self._seen = seen
        self._spending = spending
        self._journal = journal
        self._aside = AsideCalls(collectors.one(Bootstraps))
        self._entry: weakref.ref[nn.Module] | None = None
        self._resting = False
        self._turn = self._passed_over = 0
        self._unseen_at: int | None = None
        self._measures: set[str] = set()

    def look(self, wanted: bool) -> None:
        """See the forward pass of this step, or do not; while the training rests, not before its next forward pass."""
        if wanted and not self._resting and self._clock.phase is not Phase.ENDED and not self._roots.compiled:
            self._aside.look(False)
            forward.listen(self._collectors)
        else:
            forward.unlisten(self._collectors)
            self._aside.look(False)

    def begin(self) -> None:
        """A sampled step begins."""
        self._aside.begin()
        self._collectors.begin(self._clock.step)

    def release(self) -> None:
        """See nothing any more."""
        self._aside.look(False)

    def trains(self, module: nn.Module, inputs: tuple[Any, ...], start: float) -> bool:
        """Something is learnt from this batch; whether the module is the one that examples enter by."""
        evaluated, rested = self._clock.phase is Phase.EVALUATION, self._resting
        self._resting = False
        if evaluated:
            running = forward.running_modules()
            if running and not self._roots.settled:
                self._roots.adopt(running[0])  # which has run now for the first time, and its part in evaluations
            self.close()
        elif rested:
            self.look(self._clock.sampled)
        if (evaluated or rested) and self._clock.sampled and not self._roots.compiled:
            forward.enter(module)  # this forward pass has begun already
            self._collectors.module_begins(module, inputs, outermost=True, learning=True)
        self._collectors.tell("forward", "training")
        if not self._enters(module):
            return False
        self.passes.forward_begins()
        self._recognise(inputs, start)
        return True

    def recognises(self, module: nn.Module, inputs: tuple[Any, ...], start: float) -> bool:
        """Recognise the examples of a batch, the first time those of the first one of an update, then of the second.

        Returns:
            Whether that is all that this forward pass is for: it may be of an evaluation, or of another module.
        """
        going_on = not self._resting and self._clock.phase is not Phase.EVALUATION
        if not going_on or (self.in_training_mode and not module.training) or not self._enters(module):
            return False
        self.passes.forward_begins()
        self._passed_over += 1
        if self._passed_over > self._turn:
            self._turn, self._passed_over = (self._turn + 1) % self.passes.batches, 0
            self._recognise(inputs, start)
        return True

    def evaluates(self, module: nn.Module, inputs: tuple[Any, ...], start: float) -> None:
        """See a batch of an evaluation, if there is time for it; one that is seen is seen to its end."""
        going_on = self._clock.phase is Phase.EVALUATION
        if not going_on and (self._is_within(inputs) or not self._may_evaluate(start)):
            return
        inputs = inputs if self._enters(module) else ()
        self._collectors.tell("forward", "evaluation")
        if not going_on:
            self._spending.evaluates(start)
        if not going_on and not self._roots.compiled:
            self._clock.evaluates()
            self.look(False)
            self._aside.look(self._clock.sampled)
            forward.listen(self._evaluations)
            forward.enter(module)
        self._evaluations.batch(inputs)
        self._spending.evaluating += time.perf_counter() - start

    def _may_evaluate(self, start: float) -> bool:
        """Whether there is time for an evaluation; one for which there was none is not seen from its middle on."""
        if self._unseen_at == self._clock.step and not self._spending.over:
            return False
        granted = self._spending.may_evaluate(start)
        self._unseen_at = None if granted else self._clock.step
        return granted

    def _is_within(self, inputs: tuple[Any, ...]) -> bool:
        """Whether a sampled step has taken its batch, and this is of as many examples: targets are made of it."""
        batch = first_tensor(inputs)
        if batch is None or not batch.dim() or not (self._clock.sampled and self._collectors.complete):
            return False
        return self._clock.phase is Phase.FORWARD and len(batch) == self._view.examples

    def close(self, *, told: bool = False) -> None:
        """Training goes on: record the evaluations since the last update, unless the program tells them itself."""
        if self._clock.phase is Phase.EVALUATION:
            self._clock.trains()
            forward.unlisten(self._evaluations)
            for result in self._evaluations.close(self._clock.step):
                part = "training" if result.trained_on else "validation"
                if not told:
                    self._measured_by(result)
                    self._journal.add_means(self._clock.step, **{part: (result.loss, result.accuracy)})
                if not result.trained_on:
                    self._journal.add(signals.EVALUATED, self._clock.step, float(result.examples))
            self.look(self._clock.sampled)

    def _measured_by(self, result: Result) -> None:
        """State what function the loss of an evaluation is of, each once."""
        measure = result.measure
        if measure is not None and not result.trained_on and measure.function not in self._measures:
            self._measures.add(measure.function)
            self._journal.state(measure)

    def pass_by(self) -> None:
        """A backward pass was another training's."""
        self.passed_by += 1
        self._roots.passed_back(own=False)
        if self.passed_by == PATIENCE and self._clock.sampled and self._clock.phase is not Phase.EVALUATION:
            self._resting = True
            self.look(False)
            self._collectors.tell("rest")

    def reached(self) -> None:
        """A backward pass was this training's."""
        self.passed_by, self._resting = 0, False
        if self._roots.ran:
            self._roots.passed_back(own=True)

    def _enters(self, module: nn.Module) -> bool:
        """Whether a module is the one that examples enter by, the first that was called, and not one behind it."""
        entry = None if self._entry is None else self._entry()
        if entry is None or not self._roots.is_root(entry):
            self._entry = weakref.ref(module)
            return True
        return entry is module

    def _recognise(self, inputs: tuple[Any, ...], now: float) -> None:
        self._seen.latest = user_trail() if self._clock.sampled else None
        if now < self._spending.recognises_from:
            return
        if self._clock.sampled and (batch := first_tensor(inputs)) is not None:
            self._evaluations.shift.train(batch)
        seen = recognised(self._seen, inputs, place=self._seen.latest)
        self._spending.recognised(time.perf_counter() - now)
        if seen is not None and self._clock.sampled:
            self._journal.later(signals.BATCH_SEEN_BEFORE, seen)

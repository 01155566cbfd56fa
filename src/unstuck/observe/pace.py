"""How much is looked at: which steps are sampled, which forward passes attended to, which events spared."""

from __future__ import annotations

import time
from typing import Protocol

from unstuck.observe.budget import Budget, Spending
from unstuck.observe.clock import Clock, Phase
from unstuck.observe.collectors.modes import MODES_EVERY_STEP_UNTIL
from unstuck.observe.collectors.passes import Passes
from unstuck.observe.sampling import Sampler
from unstuck.observe.torch_hooks import events, forward

__all__ = ["Attends", "Pace"]


class Attends(events.Listener, forward.Watcher, Protocol):
    """What listens, and watches."""


class Pace:
    """Decide after each update what the next step is looked at for; after nearly all, nothing is to be decided.

    Args:
        clock: Where the training is.
        budget: The program's.
        spending: What this training has cost.
        passes: Counts of forward passes.
        every_pass: Whether forward passes tell of updates, so that all are attended to.

    Attributes:
        sampler: Which steps are sampled.
    """

    def __init__(self, clock: Clock, budget: Budget, spending: Spending, passes: Passes, *, every_pass: bool) -> None:
        self.sampler = Sampler(budget)
        self.every_pass = every_pass
        self._clock = clock
        self._budget = budget
        self._spending = spending
        self._passes = passes
        self._rest = (0, 0.0)
        self._awaiting = True

    def rests(self, now: float) -> bool:
        """Whether the decision after the coming update is known already."""
        clock, (step, seconds) = self._clock, self._rest
        return clock.step < step and now < seconds and clock.phase is not Phase.EVALUATION

    def quiet(self) -> tuple[int, float]:
        """How many updates from now on need no decision, and until when: the next batch may be due to be recognised."""
        step, seconds = self._rest
        return step - self._clock.step, seconds if self._awaiting else min(seconds, self._spending.recognises_from)

    def expects(self, now: float) -> bool:
        """Whether the step after this one may be sampled."""
        return self.sampler.expected(self._clock.step + 1, elapsed=self._budget.elapsed(now))

    def goes_on(self, watcher: Attends, now: float) -> None:
        """An update was made: of the next forward pass at most the examples are looked at."""
        self._awaiting = now >= self._spending.recognises_from
        if self._awaiting:
            forward.attend(watcher)
        elif not self._passes.single:
            forward.disregard(watcher)

    def seen(self, watcher: Attends) -> bool:
        """A batch was seen to enter: where each update has one batch, there is nothing more to see; whether so."""
        self._awaiting = False
        done = not self._sees_forward and self._passes.single
        if done:
            forward.disregard(watcher)
        return done

    def recognised(self, watcher: Attends) -> None:
        """The examples of a quiet step were recognised: where none are due, no forward pass tells anything."""
        self._awaiting = time.perf_counter() >= self._spending.recognises_from
        if not self._awaiting:
            forward.disregard(watcher)

    def decides(self, watcher: Attends, now: float, *, sure: bool) -> None:
        """Decide on the next step; ``sure`` if its backward pass can only be this training's."""
        clock = self._clock
        self._spending.settle()
        elapsed = self._budget.elapsed(now)
        clock.sampled = self.sampler.due(clock.step, elapsed=elapsed)
        if self._sees_forward:
            forward.attend(watcher)
            self._rest = (0, 0.0)
        else:
            if now < self._spending.recognises_from:
                forward.disregard(watcher)
            step, seconds = self.sampler.rest(clock.step)
            milestone = clock.step if clock.eventful else 1 << clock.step.bit_length()
            self._rest = (min(step - 1, milestone), now - elapsed + seconds)
        alone = sure and not self.every_pass and clock.plain and events.one_optimizer()
        events.spare(watcher, spared=alone and not clock.eventful)

    @property
    def _sees_forward(self) -> bool:
        """Whether the forward passes of this step tell more than which examples it learns from."""
        return self._clock.sampled or self._clock.step <= MODES_EVERY_STEP_UNTIL or self.every_pass

"""What watching a program may cost, and has cost so far: one budget for all its trainings."""

from __future__ import annotations

import math
import time
from typing import Protocol

from unstuck.errors import ArgumentError
from unstuck.record import facts

__all__ = ["DEFAULT_BUDGET", "Budget", "Spending", "check_budget"]

DEFAULT_BUDGET = 0.02
"""Share of the training time that observing may take."""

WORTHWHILE_SECONDS = 120.0
"""Length of a program from which the budget is kept to the letter; see :meth:`Budget.allowed`."""

ADMITTED = 8
"""Trainings of a program that are watched, whatever it costs."""

ADMITTED_SECONDS = 0.6
"""Seconds that these may take beside the budget: otherwise the first ones would use up what later ones need."""

RECOGNISING_SECONDS = 0.1
"""Seconds for recognising examples beside the budget, once."""

EVALUATION_SECONDS = 0.2
"""Seconds for seeing evaluations beside the budget, once: they are few, and all that tells of generalisation."""

FURTHER_ON = 1.25
"""Growth of a training's age from one evaluation to the next that is seen, once the first ones have taken half of what
is granted: the last one seen then lies in the last fifth of a training, however long that is."""


def check_budget(budget: float) -> None:
    """Refuse a budget that is no share.

    Raises:
        ArgumentError: It is not above 0 and at most 1.
    """
    if not 0.0 < budget <= 1.0:
        raise ArgumentError(
            f"budget={budget!r}: a share of the training time above 0 and at most 1 is accepted, such as 0.02"
        )


class Budget:
    """The budget of a program, from which all its trainings draw.

    Args:
        share: Share of the time that observing may take.

    Attributes:
        share: That share.
        began: When the first training began, by ``time.perf_counter``.
        spent: Seconds that observing took.
        recognising: Those of them that went to recognising examples.
        evaluating: Those of them that went to evaluations.
        granted: Seconds that count as part of the start-up: of the first steps of the first training and, where there
            are more than :data:`ADMITTED`, of all these.
        trainings: Trainings that were watched so far.
        many: Whether there are more than are watched whatever it costs.
        longest: Updates of the longest training that has ended.

    Raises:
        ArgumentError: The share is out of range.
    """

    def __init__(self, share: float = DEFAULT_BUDGET) -> None:
        check_budget(share)
        self.share = share
        self.began: float | None = None
        self.spent = self.recognising = self.evaluating = 0.0
        self.granted: float | None = None
        self.trainings = self.longest = 0
        self.many = False

    def begin(self, now: float) -> None:
        """A training begins to be watched."""
        self.trainings += 1
        if self.began is None:
            self.began = now

    def elapsed(self, now: float) -> float:
        """Seconds since the first one began."""
        return 0.0 if self.began is None else now - self.began

    @property
    def on_samples(self) -> float:
        """Seconds that count against the budget of samples: all but what is granted once."""
        several = max(1, min(self.trainings, ADMITTED))
        beside = min(self.recognising, several * RECOGNISING_SECONDS) + min(self.evaluating, EVALUATION_SECONDS)
        return self.spent - beside

    @property
    def beside_start(self) -> float:
        """The same without what is granted as part of the start-up."""
        return self.on_samples - (self.granted or 0.0)

    def allowed(self, elapsed: float) -> float:
        r"""Seconds that may have been spent ``elapsed`` seconds after the first training began, beside its first steps.

        .. math:: \beta \sqrt{t \max(t, t_1)}

        With the budget :math:`\beta` and :math:`t_1` of :data:`WORTHWHILE_SECONDS`: a program of two
        minutes pays the budget; a shorter one, of which one sees less, pays what lies half-way to that of two minutes,
        by ratio. With a budget of 2%, a program of 5 s may pay 10%, one of 30 s 4%; what a sample costs on an idle
        machine seldom comes to that.
        """
        return self.share * math.sqrt(elapsed * max(elapsed, WORTHWHILE_SECONDS))

    def has_room(self, now: float) -> bool:
        """Whether less was spent than is allowed by now."""
        return self.beside_start <= self.allowed(self.elapsed(now))

    def admits(self, now: float) -> bool:
        """Whether to watch another training: the first ones, and then as many as there is time for, as it passes."""
        if self.trainings < ADMITTED:
            return True
        if not self.many:
            self.many = True
            self.granted = max(self.granted or 0.0, min(self.on_samples, ADMITTED_SECONDS))
        return self.has_room(now)


class Spends(Protocol):
    """What counts the seconds that it took itself."""

    @property
    def spent(self) -> float:
        """Those seconds."""
        ...


class Spending:
    """Seconds that observing one training took, by what they went to.

    Args:
        budget: The budget that they are taken from.
        forward: What looks into the forward passes of training.
        evaluation: What looks into those of evaluations.

    Attributes:
        began: When the training began, by ``time.perf_counter``.
        between: Seconds between the forward passes, all together.
        recognising: Those of them that went to recognising examples.
        recognises_from: When there is time for recognising the next batch.
        evaluating: Those of them that went to evaluations.
        over: Whether the training is over, so that evaluations tell of its end.

    Examples:
        >>> from types import SimpleNamespace
        >>> spending = Spending(Budget(0.02), SimpleNamespace(spent=1.0), SimpleNamespace(spent=0.5))
        >>> spending.between = 2.0
        >>> spending.settle()
        >>> spending.whole, spending.budget.on_samples
        (3.5, 3.3)
        >>> spending.recognised(1.0)
        >>> round(spending.recognises_from - spending.began)
        90
    """

    def __init__(self, budget: Budget, forward: Spends, evaluation: Spends) -> None:
        self.budget = budget
        self.began = time.perf_counter()
        self.between = self.recognising = self.evaluating = 0.0
        self.recognises_from = self._due = 0.0
        self.over = False
        self._forward = forward
        self._evaluation = evaluation
        self._settled = (0.0, 0.0)

    @property
    def whole(self) -> float:
        """Seconds in all."""
        return self.between + self._forward.spent + self._evaluation.spent

    def settle(self) -> None:
        """Take from the budget what was spent since the last time."""
        whole, evaluating = self.whole, self.evaluating + self._evaluation.spent
        self.budget.spent += whole - self._settled[0]
        self.budget.evaluating += evaluating - self._settled[1]
        self._settled = (whole, evaluating)

    def cost(self, *, samples: int, steps: int) -> facts.Cost:
        """What it came to, by now."""
        training = time.perf_counter() - self.began
        return facts.Cost(seconds=self.whole, training_seconds=training, sampled_steps=samples, steps=steps)

    def recognised(self, seconds: float) -> None:
        """Count what recognising a batch has taken."""
        self.recognising += seconds
        self.budget.recognising += seconds
        # Of one of the first trainings what is granted once, of later ones what the program has time for.
        first = not self.budget.many
        spent = self.recognising if first else self.budget.recognising
        began = self.began if first or self.budget.began is None else self.budget.began
        self.recognises_from = began + (spent - RECOGNISING_SECONDS) / (0.5 * self.budget.share)

    def evaluates(self, now: float) -> None:
        """An evaluation begins that is seen."""
        self._due = self.began + FURTHER_ON * (now - self.began)

    def may_evaluate(self, now: float) -> bool:
        """Whether to see the evaluation that begins; one that is seen is seen to its end.

        The first ones may take half of what is granted; from then on ever fewer are seen, up to the end.
        """
        elapsed = self.budget.elapsed(now)
        if self.over or now >= self._due:
            return self.budget.evaluating <= EVALUATION_SECONDS + 0.5 * self.budget.allowed(elapsed)
        return self.budget.evaluating <= 0.5 * (EVALUATION_SECONDS + 0.5 * self.budget.share * elapsed)

"""What observing a training has cost so far, and what else it may look at."""

from __future__ import annotations

import time
from typing import Protocol

from unstuck.record import facts

__all__ = ["Spending"]

RECOGNISING_SECONDS = 0.1
"""Seconds for recognising examples beside the budget, once."""

EVALUATION_SECONDS = 0.2
"""Seconds for seeing evaluations beside the budget, once: they are few, and all that tells of generalisation."""


class Spends(Protocol):
    """What counts the seconds that it took itself."""

    @property
    def spent(self) -> float:
        """Those seconds."""
        ...


class Spending:
    """Seconds that observing took, by what they went to.

    Args:
        budget: Share of the training time that observing may take.
        forward: What looks into the forward passes of training.
        evaluation: What looks into those of evaluations.

    Attributes:
        began: When the training began, by ``time.perf_counter``; also ``now`` is told by it.
        between: Seconds between the forward passes, all together.
        recognising: Those of them that went to recognising examples.
        recognises_from: When there is time for recognising the next batch.
        evaluating: Those of them that went to evaluations.

    Examples:
        >>> from types import SimpleNamespace
        >>> spending = Spending(0.02, SimpleNamespace(spent=1.0), SimpleNamespace(spent=0.5))
        >>> spending.between = 2.0
        >>> spending.whole, spending.on_samples
        (3.5, 3.3)
        >>> spending.recognised(1.0)
        >>> round(spending.recognises_from - spending.began)
        90
    """

    def __init__(self, budget: float, forward: Spends, evaluation: Spends) -> None:
        self.began = time.perf_counter()
        self.between = self.recognising = self.evaluating = 0.0
        self.recognises_from = 0.0
        self._budget = budget
        self._forward = forward
        self._evaluation = evaluation

    @property
    def whole(self) -> float:
        """Seconds in all."""
        return self.between + self._forward.spent + self._evaluation.spent

    @property
    def on_samples(self) -> float:
        """Seconds that count against the budget of samples: all but what is granted once."""
        evaluating = self.evaluating + self._evaluation.spent
        return self.whole - min(self.recognising, RECOGNISING_SECONDS) - min(evaluating, EVALUATION_SECONDS)

    def cost(self, *, samples: int, steps: int) -> facts.Cost:
        """What it came to, by now."""
        training = time.perf_counter() - self.began
        return facts.Cost(seconds=self.whole, training_seconds=training, sampled_steps=samples, steps=steps)

    def recognised(self, seconds: float) -> None:
        """Count what recognising a batch has taken."""
        self.recognising += seconds
        self.recognises_from = self.began + (self.recognising - RECOGNISING_SECONDS) / (0.5 * self._budget)

    def may_evaluate(self, now: float) -> bool:
        """Whether to see the evaluation that begins; one that is seen is seen to its end."""
        spent = self.evaluating + self._evaluation.spent
        return spent <= 0.5 * self._budget * (now - self.began) + EVALUATION_SECONDS

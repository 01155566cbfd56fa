"""Outcomes without trainings: a formula says what a setting is worth."""

from __future__ import annotations

from collections.abc import Iterator
from math import log10

from unstuck.sweep import Space
from unstuck.sweep.alone import Ticks
from unstuck.sweep.attempt import Outcome, Try

SMALL = ["data.examples=100", "model.hidden=[16]", "optimizer={name='sgd'}", "train.epochs=4"]


def outcome(accuracy: float | None = 0.9, loss: float = 0.3, **changes) -> Outcome:
    right = float("nan") if accuracy is None else accuracy
    curve = ((0.5, right - 0.1, 2 * loss), (1.0, right, loss))
    return Outcome(
        **{
            "reason": "completed",
            "accuracy": accuracy,
            "loss": loss,
            "epochs": 2,
            "seconds": 1.0,
            "curve": curve,
            **changes,
        }
    )


class Formula:
    """A trainer that trains nothing: the best rate is 0.02, decay only harms, and rates above 1 diverge."""

    def __init__(self, *, together: int = 1, made: list[Try] | None = None) -> None:
        self.made: list[Try] = [] if made is None else made
        self._together = together

    def together(self, space: Space, waiting: list[Try]) -> int:
        return self._together

    def train(self, space: Space, tries: list[Try], after_epoch: Ticks, say) -> Iterator[tuple[Try, Outcome]]:
        for attempt in tries:
            self.made.append(attempt)
            yield attempt, formula(attempt)


def formula(attempt: Try) -> Outcome:
    rate, decay = attempt.setting.get("optimizer.lr", 0.1), attempt.setting.get("optimizer.weight_decay", 0.0)
    if rate > 1:
        return outcome(0.1, float("nan"), reason="pruned", code="O201", said="the loss climbs", epochs=1)
    away = (log10(rate) - log10(0.02)) ** 2
    return outcome(0.98 - 0.05 * away - 0.1 * decay - 0.001 * attempt.seed, 0.1 + away + decay)

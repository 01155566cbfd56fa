"""Whether a training loss can say how far a training got, and if not, why."""

from __future__ import annotations

import math

import numpy as np

from unstuck.learning import Learning, seen_late
from unstuck.learning.guess import floor
from unstuck.record import Run, signals
from unstuck.record.facts import Event, Loss
from unstuck.rules.calls import loss_calls
from unstuck.rules.unseen import behind, words_of

__all__ = ["lacking_yardstick"]

MOVED = 1.0
"""Standard deviations by which the mean of targets moves where they are made by what is trained (our choice)."""

NEGATIVE = 1e-3
"""Share of its scale by which a loss must lie below zero: rounding can make a zero negative."""

FEWEST = 10
"""Samples of the targets from which on a movement of their mean can be told."""


def lacking_yardstick(run: Run, learning: Learning, *, rival: bool) -> str:
    """Why the training loss says nothing of learning; empty where it does."""
    if rival:
        return "several trainings run at the same time, and the loss of each depends on the others"
    calls = loss_calls(run)
    if not calls and (blind := _blind(run)):
        return f"the loss function was not seen ({blind})"
    if not calls:
        return "the objective is of the script's own making, and its best value is not known"
    if learning.curve.values.min() < -NEGATIVE * learning.curve.scale:
        return "the objective falls below zero, so that its best value is not known"
    if learning.accuracy is None and _targets_move(run):
        return "the targets move as the model learns, and the loss with them"
    if learning.guess is None and learning.accuracy is None:
        unknown = sorted({str(call.function) for call in calls if floor(call, batch=1.0) is None})
        if unknown:
            return f"the best value of {', '.join(unknown)} is not known"
    return ""


def _blind(run: Run) -> str:
    """Why calls of loss functions may not have been seen; empty where they would have been."""
    failure = behind(run, Loss)
    if failure is not None:
        return words_of(failure)
    return next((event.what.rstrip(".") for event in run.facts(Event) if event.blinds), "")


def _targets_move(run: Run) -> bool:
    """Whether the mean of the targets wanders through the training, as where the model's own outputs make them."""
    means, stds = run.series(signals.TARGET_MEAN).finite(), run.series(signals.TARGET_STD).finite()
    if len(means) < FEWEST or not len(stds) or not seen_late(run, means.steps):
        return False
    fifth = max(3, len(means) // 5)
    early, late = means.values[:fifth], means.values[-fifth:]
    moved = abs(float(np.median(late) - np.median(early)))
    scatter = max(float(early.std()), float(late.std()))
    return moved > MOVED * float(np.median(stds.values)) and moved > 4.0 * scatter / math.sqrt(fifth)

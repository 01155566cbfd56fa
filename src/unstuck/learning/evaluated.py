"""What evaluations of other data than the training set say."""

from __future__ import annotations

import math

import numpy as np

from unstuck.learning.answers import Answers
from unstuck.learning.curve import noise
from unstuck.learning.evaluations import Evaluations
from unstuck.learning.guess import floor, guess, of_another
from unstuck.learning.outcome import CERTAIN, MUCH, Indication, of_accuracy, of_loss
from unstuck.record import Run, Series
from unstuck.record.facts import Loss

__all__ = ["evaluated"]

LAST = 3
"""Evaluations whose median is the last one's level: one bad one of them does not count."""

SAME_UNIT = 1.5
"""Constant guesses up to which a loss that never was below one is taken to be of the same unit."""

GOOD = 0.9
"""An accuracy of which even the last alone shows learning, whatever share the commonest class has (our choice)."""

ASSUMED = 30
"""Examples of an evaluation that were not counted: few, so that chance is allowed for."""


def evaluated(run: Run, loss: Loss | None, answers: Answers) -> tuple[Indication, ...]:
    """What the last evaluations say: by their accuracy, by their loss.

    Against what knowing nothing gives; where that is not known, against the first evaluation, which shows learning in
    part at most, and never that there is none.

    Args:
        run: The run.
        loss: The loss of the training, which evaluations mostly call too; None where there is no single one. Another
            function of the same targets has a guess of its own.
        answers: Those of training. The share of its commonest class is that of the evaluations as well, unless examples
            are drawn by a sampler of the program's own.
    """
    known = Evaluations.of(run)
    losses = known.losses.finite()
    found = [_of_accuracy(known.accuracies.finite(), known.examples.finite(), answers)]
    called = _called(known, loss) if loss is not None else None
    found.append((_of_loss(losses, called) if called is not None else None) or _of_falling(losses))
    return tuple(one for one in found if one is not None)


def _of_accuracy(accuracies: Series, examples: Series, answers: Answers) -> Indication | None:
    if not len(accuracies):
        return None
    count = float(np.median(examples.values[-LAST:])) if len(examples) else ASSUMED
    value = min(1.0, max(0.0, float(np.median(accuracies.values[-LAST:]))))
    error = math.sqrt(max(value * (1.0 - value), 1.0 / max(count, 1.0)) / max(count, 1.0))
    what, step = "evaluation accuracy", int(accuracies.steps[-1])
    if answers.commonest and not answers.sampled:
        return of_accuracy(what, value, commonest=answers.commonest, error=error, step=step, weighed=answers.weighed)
    first = min(1.0, max(0.0, float(accuracies.values[0])))
    rises = value - first > max(MUCH * (1.0 - first), CERTAIN * error)
    good = value >= GOOD and not answers.sampled
    words = f"{what} {value:.0%}, {first:.0%} at first"
    return Indication(what, value, first, error, step, "partial" if rises or good else "unknown", words)


def _called(known: Evaluations, loss: Loss) -> Loss | None:
    """The loss that evaluations call; None where its guess is not known."""
    if not known.foreign:
        return loss
    others = [of_another(loss, measure.function, measure.shape) for measure in known.measures]
    return others[0] if len(others) == 1 else None


def _of_loss(losses: Series, loss: Loss) -> Indication | None:
    known, least = guess(loss, batch=1.0), floor(loss, batch=1.0)
    if not len(losses) or known is None or least is None:
        return None
    value, best = float(np.median(losses.values[-LAST:])), float(losses.values.min())
    if best < least or (best > known.value and value > SAME_UNIT * known.value):
        return None  # another loss, or another reduction
    error = float(np.hypot(noise(losses.values), known.error))
    return of_loss(
        "evaluation loss", value, reference=known.value, floor=least, error=error, step=int(losses.steps[-1])
    )


def _of_falling(losses: Series) -> Indication | None:
    """What a loss says that has fallen by a fifth since the first evaluation; None of any other."""
    if len(losses) < LAST or not losses.values.min() > 0.0:
        return None
    value, first = float(np.median(losses.values[-LAST:])), float(losses.values[0])
    if not value < (1.0 - MUCH) * first:
        return None
    words = f"evaluation loss {value:.3g}, {first:.3g} at first"
    return Indication("evaluation loss", value, first, noise(losses.values), int(losses.steps[-1]), "partial", words)

"""What evaluations of other data than the training set say."""

from __future__ import annotations

import math

import numpy as np

from unstuck.learning.answers import Answers
from unstuck.learning.curve import noise
from unstuck.learning.evaluated_loss import OwnUnit, own_unit
from unstuck.learning.evaluations import Evaluations
from unstuck.learning.outcome import CERTAIN, MUCH, Indication, of_accuracy, of_loss
from unstuck.record import Run, Series
from unstuck.record.facts import Loss

__all__ = ["evaluated"]

FEW = 3
"""Evaluations at least whose fall shows learning."""

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
    found = [_of_accuracy(known, answers)]
    unit = own_unit(known, loss)
    found.append((_of_loss(known, losses, unit) if unit is not None else None) or _of_falling(known, losses))
    return tuple(one for one in found if one is not None)


def _end(known: Evaluations, series: Series) -> float:
    """Level of the last of them, which may lie long before the end of the training."""
    late = known.of_end(series).values
    return float(np.median(late)) if len(late) else float(series.values[-1])


def _of_accuracy(known: Evaluations, answers: Answers) -> Indication | None:
    accuracies, examples = known.accuracies.finite(), known.examples.finite()
    if not len(accuracies):
        return None
    count = float(np.median(examples.values[-FEW:])) if len(examples) else ASSUMED
    value = min(1.0, max(0.0, _end(known, accuracies)))
    error = math.sqrt(max(value * (1.0 - value), 1.0 / max(count, 1.0)) / max(count, 1.0))
    what, step = "evaluation accuracy", int(accuracies.steps[-1])
    if answers.commonest and not answers.sampled:
        return of_accuracy(what, value, commonest=answers.commonest, error=error, step=step, weighed=answers.weighed)
    first = min(1.0, max(0.0, float(accuracies.values[0])))
    rises = value - first > max(MUCH * (1.0 - first), CERTAIN * error)
    good = value >= GOOD and not answers.sampled
    words = f"{what} {value:.0%}, {first:.0%} at first"
    return Indication(what, value, first, error, step, "partial" if rises or good else "unknown", words)


def _of_loss(known: Evaluations, losses: Series, unit: OwnUnit) -> Indication | None:
    if not len(losses):
        return None
    value, best, constant = _end(known, losses), float(losses.values.min()), unit.guess
    if best < unit.floor or (best > constant.value and value > SAME_UNIT * constant.value):
        return None  # another loss
    error = float(np.hypot(noise(losses.values), constant.error))
    return of_loss(
        "evaluation loss", value, reference=constant.value, floor=unit.floor, error=error, step=int(losses.steps[-1])
    )


def _of_falling(known: Evaluations, losses: Series) -> Indication | None:
    """What a loss says that has fallen by a fifth since the first evaluation; None of any other."""
    if len(losses) < FEW or not losses.values.min() > 0.0:
        return None
    value, first = _end(known, losses), float(losses.values[0])
    if not value < (1.0 - MUCH) * first:
        return None
    words = f"evaluation loss {value:.3g}, {first:.3g} at first"
    return Indication("evaluation loss", value, first, noise(losses.values), int(losses.steps[-1]), "partial", words)

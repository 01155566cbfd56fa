"""The loss of evaluations in its own unit: what a guess has there, and what share of all there is to learn is left.

A training differentiates a mean, a sum, or either of them divided by something; its validation calls another reduction,
weighs no classes, smooths no labels, or compares prices with prices where the training has standardised both. Two such
numbers cannot be compared, their shares of what there is to learn can.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from unstuck.learning.evaluations import Evaluations
from unstuck.learning.guess import BINARY, Guess, alike, floor, guess, of_another
from unstuck.learning.loss_call import elements
from unstuck.record.facts import EvaluatedLoss, Loss

__all__ = ["OwnUnit", "own_unit"]

FEWEST = 30
"""Elements of a batch whose variance tells its unit."""

POWERS = {"mse_loss": 1.0, "l1_loss": 0.5}
"""Power of the variance of one output that a loss grows by."""

SAME_SCALE = 4.0
"""Quotient of the variances of evaluated and trained targets, either way, up to which they are in one unit: those of
two small samples of one source differ by less (our choice)."""


@dataclass(frozen=True)
class OwnUnit:
    """What the loss of evaluations is compared with.

    Attributes:
        guess: Loss of the best constants.
        floor: Its least value.
        same: Whether it is the training's function, weights and smoothing, so that the two differ by a factor at most.
    """

    guess: Guess
    floor: float
    same: bool

    def left(self, value: float) -> float:
        """Share of all that there is to learn that a loss leaves.

        Examples:
            >>> OwnUnit(Guess(2.0), 1.0, same=True).left(1.25)
            0.25
        """
        return (value - self.floor) / (self.guess.value - self.floor)


def own_unit(known: Evaluations, loss: Loss | None) -> OwnUnit | None:
    """What the loss of evaluations is compared with; None where that is not known.

    Args:
        known: The evaluations.
        loss: The one loss that the training calls.

    Examples:
        >>> import numpy as np
        >>> from unstuck.record import Series
        >>> from unstuck.record.facts import LossTarget, TargetOutputs
        >>> pixels = TargetOutputs(outputs=64, examples=900, variance=0.07)
        >>> loss = Loss(function="mse_loss", target=LossTarget(shape=(32, 64), type="real", each=pixels))
        >>> summed = (EvaluatedLoss(function="mse_loss", shape=(500, 64), reduction="sum"),)
        >>> none = Series(np.empty(0, np.int64), np.empty(0))
        >>> round(own_unit(Evaluations(none, none, none, summed, frozenset({"mse_loss"})), loss).guess.value, 2)
        4.48
    """
    if loss is None or loss.function is None:
        return None
    if not known.measures:  # of older runs, or told by the loop itself
        return _of(replace(loss, reduction=_plain(loss.reduction)), loss.target.shape, loss.reduction, same=True)
    if len({(one.function, one.reduction) for one in known.measures}) > 1:
        return None
    measure = known.measures[0]
    scale = _scale(measure, loss)
    unknown = not measure.reduction and loss.reduction == "sum" and math.prod(measure.shape[1:]) > 1
    if scale is None or unknown:
        return None
    if alike(measure.function, loss.function):
        called = _as_called(measure, loss)
        same = called is not None and (called.weighted, called.label_smoothing) == (loss.weighted, loss.label_smoothing)
    else:
        called, same = of_another(loss, measure.function, measure.shape), False
    if called is None:
        return None
    return _of(called, measure.shape, measure.reduction or loss.reduction, scale=scale, same=same)


def _as_called(measure: EvaluatedLoss, loss: Loss) -> Loss | None:
    """The training's loss with the arguments of the evaluation's call, as a mean; None where its guess is not known."""
    mean = replace(loss, reduction=_plain(measure.reduction or loss.reduction))
    if not measure.reduction:  # of an older run
        return mean
    mean = replace(mean, label_smoothing=measure.label_smoothing, weighted=measure.weighted)
    if measure.weighted == loss.weighted:
        return mean
    if measure.weighted or (loss.function in BINARY and math.prod(loss.target.shape[1:]) > 1):
        return None
    # What was seen of real targets output by output is weighted as the training weighs them.
    return replace(mean, target=replace(loss.target, each=None)) if loss.function in BINARY else mean


def _plain(reduction: str) -> str:
    return "batchmean" if reduction == "batchmean" else "mean"


def _of(mean: Loss, shape: tuple[int, ...], reduction: str, *, scale: float = 1.0, same: bool) -> OwnUnit | None:
    """The same of a loss that is a mean over elements, of which a sum counts those of one example."""
    known, least = guess(mean, batch=1.0), floor(mean, batch=1.0)
    if known is None or least is None or not known.value > least:
        return None
    one = (1, *shape[1:])
    summed = replace(
        mean, reduction="sum", target=replace(mean.target, shape=one), output=replace(mean.output, shape=one)
    )
    factor = scale * (elements(summed, 1.0) if reduction == "sum" else 1.0)
    return OwnUnit(Guess(known.value * factor, known.error * factor), least * factor, same)


def _scale(measure: EvaluatedLoss, loss: Loss) -> float | None:
    """What the unit of evaluated targets makes of the loss: 1 for the same one, None where that is not known.

    Outputs and targets in another unit were both converted; targets alone were not, and are far off for that.
    """
    trained, targets, outputs = loss.target.variance, measure.variance, measure.output_variance
    if not trained or not targets or not outputs or math.prod(measure.shape) < FEWEST:
        return 1.0
    if any(abs(math.log(variance / trained)) < math.log(SAME_SCALE) for variance in (targets, outputs)):
        return 1.0
    power = POWERS.get(measure.function)
    return None if power is None or math.prod(measure.shape[1:]) > 1 else (targets / trained) ** power

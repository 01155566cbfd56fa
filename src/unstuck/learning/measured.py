"""The curve that is compared with a guess: of the loss that is called, in the unit of what is differentiated."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unstuck.learning.curve import CERTAIN, Curve
from unstuck.learning.guess import Guess, commonest, floor, guess, untrained_loss
from unstuck.learning.loss_call import batch_size, called_and_differentiated, single_loss
from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossTerms

__all__ = ["LATE", "PRETRAINED", "Measured", "seen_late"]

LATE = 0.6
"""Share of the training that the last sample must have reached to tell how it ended (our choice)."""

PRETRAINED = 0.6
"""Start as a share of the constant guess, below which something was known before training."""

STEADY = 1e-3
"""Relative scatter of the ratio of what is differentiated to what the loss returned, that is rounding."""

WHOLE = 0.05
"""Distance from a whole number that is rounding, of quotients up to some tens of thousands in float32."""

ALIKE = 1.5
"""Factor between the elements of a first batch and of a typical one, whose lengths differ (our choice)."""

MOSTLY = 0.9
"""Share of the steps on which a quotient is whole."""

FEWEST = 3
"""Steps that such a ratio is taken from."""


def seen_late(run: Run, steps: NDArray[np.int64], *, share: float = LATE) -> bool:
    """Whether samples at these steps reach beyond a share of the training; on a loaded machine all may be early."""
    losses = run.series(signals.LOSS).steps
    return len(steps) > 0 and (not len(losses) or bool(steps[-1] >= share * losses[-1]))


@dataclass(frozen=True)
class Measured:
    """A loss that can be compared with a guess, as far as one is known.

    What is differentiated may be the loss times a constant, as for gradient accumulation or a sum written by hand; then
    guess and floor are multiplied by it. A sum that is divided by the number of its elements, another one in each batch
    where padding is left out, is a mean. It may also have other terms, such as a penalty; then what the loss function
    returned is measured, as far as it was sampled, or where that leaves in doubt what the whole shows, the whole: other
    terms that are never negative can only raise it.

    Attributes:
        curve: The loss.
        loss: Its call; None where there is no single one.
        guess: Loss of the best constants, in the unit of the curve; None where that is not known.
        floor: Its least value, in the same unit; None where that is not known.
        untrained: Loss of outputs that are zero, in the same unit; None where that is not known.
        exact: Whether the unit of the curve was seen and not inferred.
    """

    curve: Curve
    loss: Loss | None = None
    guess: Guess | None = None
    floor: float | None = None
    untrained: float | None = None
    exact: bool = False

    @classmethod
    def of(cls, run: Run, curve: Curve, *, early: float | None) -> Measured:
        """What is measured of a run.

        Args:
            run: The run.
            curve: What is differentiated, one finite loss at least.
            early: Accuracy at the start; None where there are no classes.
        """
        loss = single_loss(run)
        if loss is None:
            return cls(curve)
        batch = batch_size(run, loss)
        steps, called, differentiated = called_and_differentiated(run)
        scale, exact = _factor(called, differentiated), True
        if scale is None and loss.reduction == "sum" and _divided_by_counts(called, differentiated, run.facts(Loss)[0]):
            loss, scale = replace(loss, reduction="mean"), 1.0
        elif scale is None and len(steps) >= FEWEST:
            if loss.reduction == "none" or not seen_late(run, steps):
                return cls(curve)  # what the program makes of the elements is its own affair
            scale, curve = _of_term(run, loss, curve, (Curve(steps, called), differentiated), guess(loss, batch=batch))
        elif scale is None:
            scale, exact = _inferred(loss, batch, curve.start, early), False
        known, least, zero = guess(loss, batch=batch), floor(loss, batch=batch), untrained_loss(loss, batch=batch)
        return cls(
            curve=curve,
            loss=loss,
            guess=known and Guess(known.value * scale, known.error * scale),
            floor=None if least is None else least * scale,
            untrained=None if zero is None else zero * scale,
            exact=exact,
        )


def _factor(called: NDArray[np.float64], differentiated: NDArray[np.float64]) -> float | None:
    """What the loss was multiplied by before it was differentiated; None where that is no constant, or not seen."""
    known = called != 0.0
    if known.sum() < FEWEST:
        return None
    ratios = differentiated[known] / called[known]
    factor = float(np.median(ratios))
    off = np.abs(ratios / factor - 1.0) if factor > 0.0 else np.ones(1)
    return factor if np.quantile(off, 0.9) < STEADY else None


def _of_term(
    run: Run, loss: Loss, whole: Curve, sampled: tuple[Curve, NDArray[np.float64]], known: Guess | None
) -> tuple[float, Curve]:
    """The curve of a loss that other terms are added to, and the factor from what it returned to the curve's unit."""
    own, differentiated = sampled
    weight = _weight(run, loss)
    if known is None or weight is None or _surely_below(own, known, 1.0):
        return 1.0, own
    others = differentiated - weight * own.values
    bounds = bool(np.all(others >= -STEADY * np.abs(differentiated)))
    return (weight, whole) if bounds and _surely_below(whole, known, weight) else (1.0, own)


def _weight(run: Run, loss: Loss) -> float | None:
    """The constant that a loss is multiplied by before other terms are added; None where it is none, or not seen."""
    terms = [term for look in run.facts(LossTerms) for term in look.terms if term.function == loss.function]
    return _factor(np.array([term.value for term in terms]), np.array([term.weighted for term in terms]))


def _surely_below(curve: Curve, known: Guess, weight: float) -> bool:
    error = math.hypot(curve.end.error, weight * known.error)
    return weight * known.value - curve.end.value > CERTAIN * error


def _divided_by_counts(called: NDArray[np.float64], differentiated: NDArray[np.float64], first: Loss) -> bool:
    """Whether sums were divided by whole numbers, different ones, that are about the elements summed over."""
    known = differentiated != 0.0
    if known.sum() < FEWEST:
        return False
    ratios = called[known] / differentiated[known]
    whole = float(np.mean(np.abs(ratios - np.round(ratios)) < WHOLE)) >= MOSTLY
    summed = sum(first.classes.counts) or math.prod(first.target.shape)
    return whole and abs(math.log(max(float(np.median(ratios)), 1e-9) / max(summed, 1))) < math.log(ALIKE)


def _inferred(loss: Loss, batch: float, start: float, accuracy: float | None) -> float:
    """The factor as far as the start tells it.

    A start near the guess times the batch size tells of a sum; a start far below the guess, with no more examples right
    than the commonest class has, of an unknown constant, so that the untrained start itself is the guess.
    """
    known = guess(loss, batch=batch)
    if known is None:
        return 1.0
    if loss.reduction != "sum" and batch >= 4 and abs(start / (known.value * batch) - 1.0) < 0.25:
        return batch
    top = commonest(loss)
    below = start < PRETRAINED * known.value and accuracy is not None and accuracy < top + 0.5 * (1.0 - top)
    return start / known.value if below and math.isfinite(start) else 1.0

"""How far a bounded training got, by yardsticks that a remedy does not move: plain numbers from its recorded run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unstuck.learning import Curve, Learning, Measured, lost_numbers
from unstuck.learning.answers import answered
from unstuck.learning.curve import Level
from unstuck.learning.game import in_a_game
from unstuck.learning.guess import commonest
from unstuck.learning.loss_call import loss_calls
from unstuck.learning.outcome import of_recalls
from unstuck.record import Run, signals

__all__ = ["FEWEST", "LATE", "YARDSTICKS", "Reading", "Yardstick", "late_samples", "reading"]

Yardstick = Literal[
    "share explained", "least learnt term", "training accuracy", "balanced accuracy", "evaluation accuracy", "loss"
]

YARDSTICKS: tuple[Yardstick, ...] = (
    "share explained",
    "least learnt term",
    "training accuracy",
    "balanced accuracy",
    "evaluation accuracy",
    "loss",
)

MAJORITY = 0.8
"""Share of the commonest class from which naming it alone passes for learning, and only the mean recall of the classes
is read (our choice)."""

BELOW = 0.02
"""Share of the way from the floor to the guess by which a loss lies below the floor where that is none (our choice)."""

CERTAIN = 3.0
"""Standard errors that it must lie below it."""

BOTH = 0.1
"""Share of the late losses that must lie below zero, and above, for a loss whose value tells nothing: that of a policy
is a mean over what is drawn from it, times what that was worth, and about zero whatever was learnt."""

LATE = 0.85
"""Share of the updates from which on the level is taken: the last 45 of 300."""

SEVERAL = 2

ANSWERED = 0.6
"""Share of the updates from which on answers are pooled, which are seen on sampled batches alone (our choice)."""

CHUNKS = 5
"""Samples that a level and its error need."""

FEWEST = 8
"""Losses below which nothing is read."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One number at the end of a bounded training.

    Attributes:
        yardstick: What it is. share explained: the loss between that of the best constant outputs and the least that is
            possible, in whatever unit it is. least learnt term: the same of the worst of several losses that are added
            up. loss: the same between its own start and zero, where no guess is known.
        value: The number as the user knows it: a loss, or an accuracy. NaN where losses are not finite any more.
        level: The same; minus infinity where losses are not finite any more.
        reference: That of knowing nothing.
        best: That of knowing all.
        start: The level before the first update; NaN where that is not known.
        error: Standard error of the level.
        steps: Updates made before it.
    """

    yardstick: Yardstick
    value: float
    level: float
    reference: float
    best: float
    error: float
    steps: int
    start: float = math.nan

    @property
    def gain(self) -> float:
        r"""Share of what there is to learn that was learnt: 0 nothing, 1 all, -1 at worst, as where numbers are lost.

        .. math:: g = s \text{ for } s = \frac{l - r}{b - r} \ge 0, \qquad g = \frac{s}{1 - s} \text{ below it}

        with the level l, the reference r, the best b: of a loss that has its best at zero, :math:`r / l - 1`, so that
        of two losses that are far above the guess the lower one is the better one still.
        """
        if math.isinf(self.level):
            return -1.0
        share = self._share
        return share if share >= 0.0 else share / (1.0 - share)

    @property
    def doubt(self) -> float:
        """Standard error of the gain."""
        slope = (1.0 - min(self._share, 0.0)) ** -2
        return self.error / abs(self.best - self.reference) * slope

    @property
    def _share(self) -> float:
        return (self.level - self.reference) / (self.best - self.reference)


def reading(run: Run, *, until: int | None = None) -> tuple[Reading, ...]:
    """What one stream of a run shows of its learning, by each yardstick that it has.

    Args:
        run: The stream.
        until: Updates up to which its losses are read, so that runs of different length are compared at the same step.

    Returns:
        The readings, in the order of :data:`YARDSTICKS`; none where too little was recorded.
    """
    losses = run.series(signals.LOSS)
    losses = losses if until is None else losses.between(0, until - 1)
    curve = Curve.of(losses)
    if len(losses) < FEWEST:
        return ()
    steps = int(losses.steps[-1]) + 1
    if lost_numbers(losses) is not None or len(curve) < FEWEST:
        return tuple(_lost(yardstick, steps) for yardstick in YARDSTICKS)
    of_loss = () if in_a_game(run) else (_explained(run, curve, steps), _least_learnt(run), _loss(run, curve, steps))
    found = (*of_loss[:-1], *_answered(run, steps), *of_loss[-1:])
    return tuple(one for one in found if one is not None)


def _lost(yardstick: Yardstick, steps: int) -> Reading:
    """That of a training whose losses are no numbers any more."""
    lost = -math.inf
    return Reading(yardstick=yardstick, value=math.nan, level=lost, reference=0.0, best=1.0, error=0.0, steps=steps)


def _explained(run: Run, curve: Curve, steps: int) -> Reading | None:
    """The loss where the guess is known, in the unit of what is differentiated.

    One that is the same whatever is learnt has learnt nothing. One that falls below what is taken for its floor has
    another one, and no share of it is known.
    """
    if not curve.values.any():
        return Reading(
            yardstick="share explained", value=0.0, level=0.0, reference=0.0, best=1.0, error=0.0, steps=steps
        )
    answers = run.series(signals.ACCURACY).finite()
    early = float(np.median(answers.values[:5])) if len(answers) else None
    measured = Measured.of(run, curve, early=early)
    floor = measured.floor or 0.0
    if measured.guess is None or not measured.exact or not measured.guess.value > floor:
        return None
    found = _of_curve("share explained", measured.curve, measured.guess.value, floor, steps)
    below = floor - found.level
    return None if below > max(BELOW * (measured.guess.value - floor), CERTAIN * found.error) else found


def _least_learnt(run: Run) -> Reading | None:
    """Of several losses that are called, the one of which the smallest share is explained, late in the training."""
    terms = [term for term in Learning.of(run).terms if term.reference > term.floor]
    if len(terms) < SEVERAL:
        return None
    least = min(terms, key=lambda term: term.gain)
    return Reading(
        yardstick="least learnt term",
        value=least.value,
        level=least.value,
        reference=least.reference,
        best=least.floor,
        error=least.error,
        steps=least.step + 1,
    )


def _answered(run: Run, steps: int) -> tuple[Reading | None, ...]:
    """The examples that are told rightly, in training and in the program's own evaluations."""
    learning = Learning.of(run)
    own, balanced = learning.answers, _balanced(run, steps)
    known = own.accuracy is not None and own.commonest < 1.0 and not own.weighed and balanced is None
    right = answered(run, since=round(ANSWERED * steps)) or Level(own.accuracy or 0.0, own.error)
    return (
        _accuracy("training accuracy", right.value, own.commonest, right.error, steps) if known else None,
        balanced,
        *(
            _accuracy("evaluation accuracy", one.value, one.reference, one.error, one.step)
            for one in learning.evaluations
            if one.what == "evaluation accuracy" and 0.0 <= one.reference < 1.0
        ),
    )


def _balanced(run: Run, steps: int) -> Reading | None:
    """The mean recall of the classes, where one of them has most examples."""
    calls = loss_calls(run)
    if len(calls) != 1 or not MAJORITY < (commonest(calls[0]) or 0.0) < 1.0:
        return None
    classes = calls[0].classes
    said = of_recalls(classes.recalls, classes.recall_examples, step=steps)
    return said and _accuracy("balanced accuracy", said.value, said.reference, said.error, steps)


def _accuracy(yardstick: Yardstick, value: float, chance: float, error: float, steps: int) -> Reading:
    return Reading(
        yardstick=yardstick,
        value=value,
        level=value,
        reference=chance,
        best=1.0,
        error=error,
        steps=steps,
        start=chance,
    )


def _loss(run: Run, curve: Curve, steps: int) -> Reading | None:
    """The loss itself, against its start; one that changes sign has no zero of its own, and is told by its scale.

    What falls below the floor of its function, as with labels that are none, is no sign of learning.
    """
    late, learning = curve.values[late_samples(curve)], Learning.of(run)
    floor = None if learning.guess is None else learning.floor
    if floor is not None and float(np.median(late)) < floor - BELOW * curve.scale:
        return None
    if BOTH < float(np.mean(late < 0.0)) < 1.0 - BOTH:
        return None
    start = curve.start
    best = start - curve.scale if curve.values.min() < 0.0 else 0.0
    if not start > best:
        return None
    return _of_curve("loss", curve, start, best, steps)


def _of_curve(yardstick: Yardstick, curve: Curve, reference: float, best: float, steps: int) -> Reading:
    """The end of a curve; by how much it has exploded is no noise."""
    late = late_samples(curve)
    level, _ = Curve(curve.steps[late], curve.values[late]).level(0.0, 1.0)
    _, error = Curve(curve.steps[late], np.minimum(curve.values[late], 2.0 * reference - best)).level(0.0, 1.0)
    return Reading(
        yardstick=yardstick,
        value=level,
        level=level,
        reference=reference,
        best=best,
        error=error,
        steps=steps,
        start=curve.start,
    )


def late_samples(curve: Curve) -> NDArray[np.bool_]:
    """The samples of the last steps; where they are too few for an error, as what is seldom sampled, the last ones."""
    late = curve.share >= LATE
    return late if late.sum() >= CHUNKS else np.arange(len(curve)) >= len(curve) - CHUNKS

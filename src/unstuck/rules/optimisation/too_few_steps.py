"""O401: training ends too soon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning
from unstuck.learning.curve import Curve
from unstuck.learning.stages import goes_on
from unstuck.record import Evidence, Finding, Run, signals
from unstuck.record.facts import Bootstrap, End, Optimizer, Training
from unstuck.rules.gates import (
    NO_GAME,
    NO_RANGE_TEST,
    NOT_CRASHED,
    NOT_INTERRUPTED,
    NOT_PRETRAINED,
    NOT_TURNED,
    POOR,
    TARGETS_STAND,
    losses,
)
from unstuck.rules.rate import derived_higher_rate, rate_fell_below
from unstuck.rules.rule import Gate, Rule
from unstuck.rules.step_size import GOOD_RATIO, Steps

__all__ = ["TooFewSteps"]

SECOND_ORDER = ("LBFGS", "Newton", "HessianFree")
"""Optimizers of which a step is many evaluations of the loss."""

SPAN = 2.0
"""Standard errors by which the pace of the last half may be overestimated: a bound that holds 98 times of 100."""

FADED = 0.1
"""Rate at the end as a share of its highest, below which the schedule has ended the training."""

NOT_STOPPED = Gate(
    "training was stopped early, or for its divergence",
    lambda run: not any(end.reason in ("early stopping", "diverged") for end in run.facts(End)[-1:]),
)

LAST_STAGE = Gate("a later training goes on with these weights", lambda run: not goes_on(run))

NOT_BOOTSTRAPPED = Gate("the targets are made of the model's own outputs", lambda run: not run.facts(Bootstrap))

RATE_LASTS = Gate("the schedule has ended the training", lambda run: not rate_fell_below(run, FADED))


@dataclass(frozen=True, kw_only=True)
class TooFewSteps(Rule):
    """Training ends while the loss still falls about as steeply as on the way.

    Detects:
        A training that ends within the first time constant of its fall: over its last half the loss fell nearly at the
        average pace of the whole, it was still falling in the last quarter, and much of it is left. As a note: one that
        is surely still falling when it ends, or that made hardly any steps, with much of the loss left.

    Why it matters:
        The result is that of an unfinished training; comparisons of models, rates or data made on it rank
        their beginnings.

    Evidence:
        The slope over the last half and over the last quarter, surely more than noise, in units of the average slope;
        the loss left against the constant guess or the start. Or, where nothing was learnt but
        the loss falls: the update ratios summed over all updates, which could not have moved the weights far.

    Known false positives:
        Nearly every training still gains a little when it stops; the rule asks for nearly the average pace. A schedule
        that brings the rate to nothing ends a fall by design: silent, for more steps at that rate bring nothing. So is
        the loss of targets that move with what is trained, whose fall is none of what is to be learnt. A stage, such as
        a warm-up, whose weights a later training goes on with is none that ends.

    Try:
        Train for more epochs, with early stopping on validation data to end it.

    References:
        Prechelt, "Early stopping: but when?", 1998; Bengio, "Practical recommendations for gradient-based training of
        deep architectures", 2012, section 3.1.
    """

    code = "O401"
    name = "too few steps"
    cause = "too-few-steps"
    needs = (signals.LOSS,)
    applies_to = (
        NOT_INTERRUPTED,
        NOT_CRASHED,
        NOT_STOPPED,
        LAST_STAGE,
        losses(20),
        NO_GAME,
        NO_RANGE_TEST,
        NOT_PRETRAINED,
        NOT_TURNED,
        POOR,
        RATE_LASTS,
        TARGETS_STAND,
        NOT_BOOTSTRAPPED,
    )

    pace: float = 0.75  #: pace over the last half; an exponential has it at one time constant
    last_pace: float = 0.5  #: pace over the last quarter (where that has 0.66), and the least that the half may have
    remaining: float = 0.2  #: share of the loss left, below which learning went well
    distance: float = 0.3  #: weights moved in all; in good trainings by about their own size (our choice)
    least: float = 0.03  #: fall as a share of the first loss, below which nothing is on its way (our choice)
    gain: float = 0.15  #: share of the loss that the last half took off, from which a note tells of it (our choice)
    few: int = 100  #: steps in which hardly any network is trained (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        learning = Learning.of(run)
        curve = learning.curve
        if not curve.falls_surely:
            return
        left = learning.remaining if np.isfinite(learning.remaining) else 0.0
        distance = self._distance(run, curve)
        if learning.seems == "none" and curve.fall < self.least * curve.scale and curve.steps[-1] >= self.few:
            return  # stuck, not unfinished
        barely = learning.seems == "none" and distance is not None and distance < self.distance
        if left <= self.remaining:
            return
        if barely or self._steady(curve):
            yield self._report(run, learning, left, distance if barely else None)
        elif self._falling_still(curve):
            half = curve.level(0.4, 0.5).value
            what = f"the loss still went from {half:.4g} to {curve.end.value:.4g} over the last half"
            yield self._remark(run, what, left)
        elif curve.steps[-1] < self.few and not _second_order(run):
            yield self._remark(run, f"the loss has come to {curve.end.value:.4g} by the end", left)

    def _steady(self, curve: Curve) -> bool:
        """Whether the loss falls to the last nearly as it did on the whole."""
        pace = curve.pace(0.5)
        doubt = SPAN * float(np.hypot(curve.trend(0.5, 1.0).error, pace * curve.fall_error)) / curve.fall
        last, scatter = curve.pace(0.75), curve.trend(0.75, 1.0).error / curve.fall
        lasting = last + min(scatter, self.last_pace / 2) >= self.last_pace
        return pace - doubt >= self.pace and pace - 2 * doubt >= self.last_pace and lasting

    def _falling_still(self, curve: Curve) -> bool:
        """Whether the last half surely brought something, and the last quarter too."""
        last = curve.trend(0.75, 1.0)
        gain = curve.level(0.4, 0.5).value - curve.end.value
        falls = curve.trend(0.5, 1.0).falls and last.slope < -SPAN * last.error
        return falls and gain > self.gain * abs(curve.end.value)

    def _distance(self, run: Run, curve: Curve) -> float | None:
        """How far the weights can have come, in units of their size; None where unknown, or where steps are small."""
        steps = Steps.of(run)
        if not len(steps) or steps.strongest() < GOOD_RATIO:
            return None
        return steps.distance(int(curve.steps[-1]) + 1)

    def _report(self, run: Run, learning: Learning, left: float, distance: float | None) -> Finding:
        curve = learning.curve
        span = (int(curve.steps[0]), int(curve.steps[-1]))
        length = _length(run, curve)
        pace = curve.pace(0.5)
        proofs = [
            Evidence(
                signal="loss",
                value=pace,
                threshold=self.pace,
                steps=((span[0] + span[1]) // 2, span[1]),
                note=f"pace of the last half against the average; so far the loss fell by {curve.fall:.4g}",
            ),
            Evidence(signal="loss", value=left, threshold=self.remaining, note="share of the loss that is left"),
        ]
        if distance is not None:
            note = "all updates together, in units of the weights, at most"
            proofs.append(Evidence(signal="update_ratio", value=distance, threshold=self.distance, note=note))
        return self.finding(
            f"training stops after {length} while the loss is still falling, at {curve.end.value:.4g}",
            f"{_faster(run)}Train several times longer (now {length}); let early stopping on validation data end it.",
            severity="warning",
            confidence=0.8 if pace > 0.9 else 0.65,
            evidence=tuple(proofs),
        )

    def _remark(self, run: Run, what: str, left: float) -> Finding:
        length = _length(run, Curve.of(run.series(signals.LOSS)))
        return self.finding(
            f"{what} of {length}: more are likely to bring more",
            f"Try several times more than {length}, and let early stopping on validation data end the training.",
            severity="note",
            confidence=0.5,
            evidence=(
                Evidence(signal="loss", value=left, threshold=self.remaining, note="share of the loss that is left"),
            ),
        )


def _length(run: Run, curve: Curve) -> str:
    """How long the training was, in words."""
    training = run.fact(Training)
    return f"{training.epochs} epochs" if training and training.epochs else f"{int(curve.steps[-1]) + 1} steps"


def _faster(run: Run) -> str:
    """The higher rate that comes before more steps, in a sentence; empty where none can be derived."""
    higher = derived_higher_rate(run)
    return f"{higher} If that is no better: " if higher else ""


def _second_order(run: Run) -> bool:
    """Whether a step of the optimizer is many evaluations of the loss."""
    optimizer = run.fact(Optimizer)
    return optimizer is not None and optimizer.type in SECOND_ORDER

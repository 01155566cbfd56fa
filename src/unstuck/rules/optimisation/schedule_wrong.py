"""O301: the schedule of the learning rate does not fit the training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.learning import Learning, optimizer_place
from unstuck.learning.curve import CERTAIN, Curve
from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import Model, Optimizer, Schedule
from unstuck.rules.attention import grown_logits
from unstuck.rules.gates import NO_GAME, NO_RANGE_TEST, losses
from unstuck.rules.methods import divides_size
from unstuck.rules.rule import Rule
from unstuck.rules.step_size import Steps

__all__ = ["ScheduleWrong"]

EPOCHS = ("StepLR", "MultiStepLR", "ExponentialLR")
"""Schedules whose constants are usually given in epochs."""

ATTENTION = ("MultiheadAttention", "NonDynamicallyQuantizableLinear", "TransformerEncoderLayer")


@dataclass(frozen=True)
class _Rates:
    """The highest rate of all groups at each step with a loss, shape (S,)."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, run: Run, steps: NDArray[np.int64]) -> _Rates | None:
        """The rates; None where they are not known. A rate holds from the step where it was set."""
        table = run.table(signals.LEARNING_RATE)
        if not len(table):
            return None
        highest = np.nanmax(np.where(np.isfinite(table.values), table.values, -np.inf), axis=1)
        position = np.searchsorted(table.steps, steps, side="right") - 1
        values = highest[np.maximum(position, 0)]
        return cls(steps, values) if np.isfinite(values).all() else None

    @property
    def peak(self) -> float:
        return float(self.values.max())

    def gone(self, share: float) -> int | None:
        """The first step from which on the rate stays below a share of its peak; None where it ends above."""
        above = np.flatnonzero(self.values >= share * self.peak)
        last = int(above[-1])
        return int(self.steps[last + 1]) if last + 1 < len(self.steps) else None


@dataclass(frozen=True, kw_only=True)
class ScheduleWrong(Rule):
    """The rate is gone before the loss has fallen, never gets to where it should, or is highest at the first step.

    Detects:
        A rate that falls to nothing early in the training and stays there, while the loss was still falling for as long
        as there was a rate; a warm-up that the training ends before; a transformer that starts at the full rate of a
        schedule without warm-up, takes leaps and learns nothing.

    Why it matters:
        Steps at a rate of nothing are lost. Adaptive methods make their largest mistakes in their first steps, while
        their averages hold few gradients, and attention does not recover from them.

    Evidence:
        The rate at each step against its peak and against what the schedule starts from; how often the schedule is
        stepped for each update; how much of the loss fell over the second half of the rate that was spent; the update
        ratio of the first steps.

    Known false positives:
        A schedule that brings the rate to nothing at the end ends a training by design: only one that does so before
        two thirds counts. A rate that is lowered because the loss had stopped falling is right: silent.

    Try:
        Step the schedule once an epoch where its constants count epochs, once a batch where they count batches; let it
        end with the training; warm up over the first 5 to 10% of the steps.

    References:
        PyTorch documentation, "How to adjust learning rate"; Vaswani et al., "Attention is all you need", 2017, section
        5.3; Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020.
    """

    code = "O301"
    name = "wrong learning-rate schedule"
    cause = "lr-schedule-wrong"
    needs = (signals.LOSS, signals.LEARNING_RATE)
    applies_to = (losses(20), NO_GAME, NO_RANGE_TEST)

    nothing: float = 0.01  #: rate as a share of its peak; three of the usual drops by ten are below (our choice)
    early: float = 0.65  #: share of the training by which the rate is gone; usual drops reach a hundredth later
    falling: float = 0.15  #: fall over the second half of all rate spent; past 3.8 time constants it is less
    very_early: float = 0.35  #: share of the training by which a rate must be gone for a good result to be in doubt
    gain: float = 0.3  #: fall over the second half of all rate spent, in units of the loss at the end (our choice)
    left: float = 0.3  #: share of the loss left, from which the result is clearly unfinished (our choice)
    plateaus: int = 6  #: steps of a schedule that waits for plateaus before its blindness is no chance (our choice)
    reached: float = 0.2  #: peak rate over the one that the schedule starts from or leads to (our choice)
    leap: float = 0.1  #: early update ratio: a tenth of the weights at a step, a hundred times CS231n's

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        learning = Learning.of(run)
        rates = _Rates.of(run, learning.curve.steps)
        if rates is None or rates.peak <= 0:
            return
        found = (
            self._looks_away(run, learning, rates)
            or self._vanished(run, learning, rates)
            or self._never_reached(run, learning, rates)
            or self._cold(run, learning, rates)
        )
        if found is not None:
            yield found

    def _vanished(self, run: Run, learning: Learning, rates: _Rates) -> Finding | None:
        """The rate is gone early, and the loss was still falling while it lasted."""
        gone = rates.gone(self.nothing)
        length = int(rates.steps[-1]) + 1
        if gone is None or gone > self.early * length:
            return None
        pace, gain = self._late_fall(learning.curve, rates)
        left = learning.remaining if np.isfinite(learning.remaining) else 0.0
        unfinished = learning.seems == "none" or left > self.left
        schedule = run.fact(Schedule)
        batchwise = schedule is not None and schedule.per == "step" and schedule.type in EPOCHS
        halved = gain > self.gain and gone < self.very_early * length
        if not (pace > self.falling or halved or learning.seems == "none" or (batchwise and unfinished)):
            return None
        severity: Severity = "error" if left > 0.5 or learning.seems == "none" else "warning"
        if schedule is None and not unfinished:
            return None
        name = schedule.type if schedule else "the schedule"
        advice = (
            f"Step {name} once an epoch, not once a batch: its constants count epochs."
            if batchwise
            else f"Let {name} decay more slowly, so that the rate comes to nothing at the end of the training only."
        )
        return self.finding(
            f"the learning rate is gone after {gone} of {length} steps (below {self.nothing:.0%} of "
            f"{rates.peak:.3g}), while the loss was still falling",
            advice,
            severity=severity,
            confidence=0.93 if batchwise and unfinished else 0.85 if schedule and unfinished else 0.7,
            where=self._where(run, schedule),
            evidence=(
                Evidence(
                    signal="learning_rate",
                    value=gone / length,
                    threshold=self.early,
                    steps=(gone, length - 1),
                    note="share of the training after which the rate stays at nothing",
                ),
                Evidence(
                    signal="loss",
                    value=pace,
                    threshold=self.falling,
                    note="share of the fall that came with the second half of the rate spent",
                ),
            ),
        )

    def _looks_away(self, run: Run, learning: Learning, rates: _Rates) -> Finding | None:
        """A schedule that waits for a plateau has not seen its metric improve once, while the loss fell."""
        schedule = run.fact(Schedule)
        if schedule is None or schedule.type != "ReduceLROnPlateau" or schedule.steps < self.plateaus:
            return None
        lowered = rates.values[-1] < 0.5 * rates.peak
        if schedule.stale < schedule.steps - 1 or not lowered or not learning.curve.falls_surely:
            return None
        return self.finding(
            f"{schedule.type} lowered the rate to {rates.values[-1]:.3g}, {rates.values[-1] / rates.peak:.2g} of its "
            "first value: in its eyes the metric never improved, though the loss fell",
            "Give it mode='min' for a loss and mode='max' for an accuracy, and the metric of the validation part.",
            severity="warning",
            confidence=0.85,
            where=self._where(run, schedule),
            evidence=(
                Evidence(
                    signal="schedule",
                    value=float(schedule.stale),
                    threshold=float(schedule.steps),
                    note="steps of the schedule without an improvement, all but the first",
                ),
                Evidence(signal="loss", value=learning.curve.end.value, note=f"fell from {learning.curve.start:.4g}"),
            ),
        )

    def _late_fall(self, curve: Curve, rates: _Rates) -> tuple[float, float]:
        """What the second half of the rate spent brought, as a share of the whole fall and of the loss at the end."""
        spent = np.cumsum(rates.values * np.gradient(rates.steps.astype(np.float64)))
        share = spent / spent[-1]
        around = (share > 0.4) & (share < 0.6)
        if not around.any():
            around = np.abs(share - 0.5) == np.abs(share - 0.5).min()
        fell = float(curve.values[around].mean()) - curve.end.value
        if not curve.falls_surely or fell < CERTAIN * curve.noise / np.sqrt(around.sum()):
            return 0.0, 0.0
        positive = curve.values.min() >= 0 and curve.end.value > 0
        return fell / curve.fall, fell / curve.end.value if positive else 0.0

    def _never_reached(self, run: Run, learning: Learning, rates: _Rates) -> Finding | None:
        """The training ends long before its warm-up, or the schedule multiplies the rate away from the first step."""
        schedule = run.fact(Schedule)
        if schedule is None or not schedule.base_rate or learning.seems == "good":
            return None
        reached = rates.peak / schedule.base_rate
        if reached > self.reached or (learning.curve.shape not in ("flat", "linear") and learning.seems != "none"):
            return None
        rising = rates.values[-1] > 0.9 * rates.peak and rates.values[-1] > 2 * rates.values[0]
        why = "its warm-up is longer than the training" if rising else "it scales the rate down from the first step"
        return self.finding(
            f"{schedule.type} lets the rate come to {rates.peak:.3g} at most, {reached:.1%} of "
            f"{schedule.base_rate:.3g}: {why}",
            "Give the warm-up 5 to 10% of the training's steps, and step the schedule once for each update."
            if rising
            else "Let the schedule start from the full rate: a LambdaLR's function returns a factor, not a rate.",
            severity="error" if learning.seems == "none" else "warning",
            confidence=0.85,
            where=self._where(run, schedule),
            evidence=(
                Evidence(
                    signal="learning_rate",
                    value=reached,
                    threshold=self.reached,
                    steps=(int(rates.steps[0]), int(rates.steps[-1])),
                    note="highest rate over the one that the schedule was given",
                ),
            ),
        )

    def _cold(self, run: Run, learning: Learning, rates: _Rates) -> Finding | None:
        """A transformer under an adaptive method, at the highest rate of its schedule from the first step."""
        model, optimizer, schedule = run.fact(Model), run.fact(Optimizer), run.fact(Schedule)
        if model is None or optimizer is None or schedule is None or learning.seems != "none":
            return None
        attends = any(layer.type in ATTENTION or "attention" in layer.path.lower() for layer in model.layers)
        adaptive = divides_size(optimizer.type)
        steps = Steps.of(run)
        leap = steps.early() if len(steps) else 0.0
        falls = rates.values[-1] < 0.5 * rates.peak
        if not (attends and adaptive and falls and rates.values[0] > 0.9 * rates.peak and leap > self.leap):
            return None
        attention = grown_logits(run)
        collapsed = () if attention is None else (attention,)
        return self.finding(
            f"{schedule.type} starts at its full rate, {rates.peak:.3g}, without a warm-up: the first steps move the "
            f"weights by {leap:.0%} each, and the loss stays at {learning.curve.end.value:.4g}",
            "Warm the rate up linearly over the first 5 to 10% of the steps, or lower it.",
            severity="error",
            confidence=0.75,
            where=self._where(run, schedule),
            evidence=(
                Evidence(
                    signal="update_ratio",
                    value=leap,
                    threshold=self.leap,
                    note="||dw|| / ||w|| of weight matrices in the first steps",
                ),
                Evidence(
                    signal="learning_rate",
                    value=float(rates.values[0]),
                    threshold=rates.peak,
                    note="rate of the first step; the highest of the training",
                ),
                *collapsed,
            ),
        )

    def _where(self, run: Run, schedule: Schedule | None) -> Where:
        return Where(file=schedule.file, line=schedule.line) if schedule and schedule.file else optimizer_place(run)

"""R101: the model fits its training data at the expense of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning
from unstuck.learning.curve import CERTAIN, Curve, noise
from unstuck.learning.evaluations import Evaluations
from unstuck.learning.validation import Validation
from unstuck.record import Evidence, Finding, Run, signals
from unstuck.record.facts import End, Overlap
from unstuck.rules.gates import evaluations, losses
from unstuck.rules.rule import Rule

__all__ = ["Overfitting"]


@dataclass(frozen=True, kw_only=True)
class Overfitting(Rule):
    """The validation loss turns and rises while the training loss goes on falling.

    Detects:
        A validation loss that ends well above its lowest, by more than its noise and by a good share of all that was
        gained on it, while the training loss since then fell and lies far below. Training data known by heart, while
        half of what a constant guess gets wrong, or a quarter of the variance, is left on validation data, whether or
        not that ever turned.

    Why it matters:
        Every step after the turn makes the model worse for the data that it is meant for, and surer of it.

    Evidence:
        The validation loss at its lowest and at the end, with its noise between evaluations; the training loss at the
        same two times; the validation accuracy.

    Known false positives:
        The validation loss of a classifier often creeps up when it grows overconfident while accuracy stays: only
        a rise that gives back a good share of the gain counts. A training that stopped early and kept the best
        weights gets a note. Without evaluations nothing is said: fitting the training data is no fault.

    Try:
        Keep the weights of the lowest validation loss (early stopping); more or augmented data; weight decay or
        dropout; a smaller model.

    References:
        Prechelt, "Early stopping: but when?", 1998; Goodfellow, Bengio and Courville, "Deep Learning", sections 5.2 and
        7.8.
    """

    code = "R101"
    name = "overfitting"
    cause = "overfitting"
    needs = (signals.VALIDATION_LOSS, signals.LOSS)
    applies_to = (evaluations(5), losses(1))

    given_back: float = 0.25  #: rise since the lowest as a share of the gain until then (our choice)
    gap: float = 0.5  #: training loss at the end as a share of the validation loss
    accuracies: int = 8  #: evaluations from which a fall of the accuracy, smoothed over three, is seen (our choice)
    forgotten: float = 0.05  #: fall of the validation accuracy from its best (our choice)
    by_heart: float = 0.02  #: training loss as a share of the validation loss: nothing is left to learn (our choice)
    unlearnt: float = 0.5  #: share of a constant guess's loss, or errors, that is left on validation data (our choice)
    unexplained: float = 0.25  #: the same of a regression: share of the variance (our choice)
    foreign: float = 10.0  #: lowest validation loss over a constant guess, from which it is told in another unit
    rise: float = 0.1  #: rise as a share of the lowest validation loss, which the eye sees as a turn

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        validation = Curve.of(Evaluations.of(run).losses)
        learning = Learning.of(run)
        train = learning.curve
        unit = Validation.of(run).factor or 1.0
        lowest = int(np.argmin(validation.values))
        bottom = float(validation.values[lowest])
        rest = validation.values[lowest + 1 :][-3:]  # of which one by itself may be of another kind, such as a rollout
        end = float(np.median(rest)) if len(rest) == 3 else float(rest.min()) if len(rest) == 2 else bottom
        gain = max(float(validation.values[0]), learning.reference / unit) - bottom
        if learning.pretrained:
            gain = float(validation.values[0]) - bottom
        rise = end - bottom
        certain = rise > CERTAIN * noise(validation.values)
        if bottom < 0:
            return
        if self._by_heart(run, learning, validation):
            yield self._report_by_heart(run, validation, learning)
            return
        if rise < self.rise * bottom:
            return
        after = _around(train, int(validation.steps[-1]))
        before = _around(train, int(validation.steps[lowest]))
        gives_back = certain and rise > self.given_back * gain and after < self.gap * unit * end
        if after > before + CERTAIN * train.noise or not (gives_back or self._forgets(run, before, after)):
            return
        yield self._report(run, validation, lowest, (bottom, end), (before, after))

    def _by_heart(self, run: Run, learning: Learning, validation: Curve) -> bool:
        """Whether the training data are known by heart, and hardly anything of it holds for other data."""
        unit = Validation.of(run).unit
        if unit is None or learning.guess is None or learning.pretrained or learning.curve.values.min() < 0:
            return False
        if float(validation.values.min()) > self.foreign * unit.guess.value:
            return False
        accuracy = Evaluations.of(run).accuracies.finite().values
        if len(accuracy) and 1.0 - float(np.median(accuracy[-3:])) < self.unlearnt * (1.0 - learning.commonest):
            return False  # a classifier may be sure of its few errors
        end, train = validation.end.value / unit.guess.value, learning.measured.curve.end.value / learning.guess
        return train < self.by_heart * end and end > (self.unlearnt if learning.commonest else self.unexplained)

    def _report_by_heart(self, run: Run, validation: Curve, learning: Learning) -> Finding:
        unit = Validation.of(run).unit
        assert unit is not None
        end, guess, train = validation.end.value, unit.guess.value, learning.measured.curve.end.value
        trained, one = f"their loss is {train:.2g}", "a constant guess"
        if learning.guess != guess:
            trained, one = f"{trained}, where a constant guess has {learning.guess:.4g}", "one"
        return self.finding(
            f"the training data are learnt by heart: {trained}, that of validation data {end:.4g}, where {one} has "
            f"{guess:.4g}",
            "Take more data or augment them, more weight decay or dropout, or a smaller model; stop early.",
            severity="warning",
            confidence=0.75,
            evidence=(
                Evidence(
                    signal="validation_loss",
                    value=end,
                    threshold=(self.unlearnt if learning.commonest else self.unexplained) * guess,
                    steps=(int(validation.steps[0]), int(validation.steps[-1])),
                    note="at the end",
                ),
                Evidence(
                    signal="loss",
                    value=train,
                    threshold=self.by_heart * end / guess * (learning.guess or 0.0),
                    note="training loss at the end",
                ),
            ),
        )

    def _forgets(self, run: Run, before: float, after: float) -> bool:
        """Whether the accuracy fell from its best by more than sampling explains, while the training loss fell."""
        accuracy = Evaluations.of(run).accuracies.finite().values
        if len(accuracy) < self.accuracies or after > 0.9 * before:
            return False
        smooth = np.median(np.lib.stride_tricks.sliding_window_view(accuracy, 3), axis=1)
        best, last = float(smooth.max()), float(smooth[-1])
        overlap = run.fact(Overlap)
        examples = max(overlap.evaluated if overlap else 0, 50)
        return best - last > max(self.forgotten, CERTAIN * float(np.sqrt(best * (1.0 - best) / examples)))

    def _report(
        self, run: Run, validation: Curve, lowest: int, losses: tuple[float, float], training: tuple[float, float]
    ) -> Finding:
        bottom, end = losses
        accuracy = Evaluations.of(run).accuracies.finite().values
        dropped = float(accuracy.max() - np.median(accuracy[-3:])) if len(accuracy) else float("nan")
        stop = run.fact(End)
        kept = stop is not None and stop.reason == "early stopping"
        turn = (int(validation.steps[lowest]), int(validation.steps[-1]))
        return self.finding(
            f"the validation loss rises from {bottom:.4g} at step {turn[0]} to {end:.4g}, "
            f"while the training loss falls to {training[1]:.4g}",
            "Stop at the lowest validation loss and keep those weights; then more data or augmentation, weight "
            "decay or dropout, or a smaller model.",
            severity="note" if kept else "warning",
            confidence=0.85 if end > 1.5 * bottom else 0.8,
            evidence=(
                Evidence(
                    signal="validation_loss",
                    value=end,
                    threshold=(1 + self.rise) * bottom,
                    steps=turn,
                    note="since its lowest" + (f"; accuracy fell by {dropped:.1%}" if dropped > 0 else ""),
                ),
                Evidence(
                    signal="loss",
                    value=training[1],
                    threshold=self.gap * end,
                    steps=turn,
                    note=f"training loss, {training[0]:.4g} at the turn",
                ),
            ),
        )


def _around(curve: Curve, step: int) -> float:
    """The training loss around a step: the mean of the tenth of the training before it."""
    span = max(1, int(curve.steps[-1] - curve.steps[0]) // 10)
    keep = (curve.steps <= step) & (curve.steps > step - span)
    return float(curve.values[keep].mean()) if keep.any() else float(np.interp(step, curve.steps, curve.values))

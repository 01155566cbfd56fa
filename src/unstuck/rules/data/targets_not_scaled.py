"""D202: the targets of a regression are not scaled."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning
from unstuck.record import Evidence, Finding, Run, Severity, signals
from unstuck.record.facts import Loss, Optimizer
from unstuck.rules.calls import call_place, loss_calls
from unstuck.rules.gates import TARGETS_STAND
from unstuck.rules.methods import divides_size
from unstuck.rules.rate import learning_rate
from unstuck.rules.rule import Gate, Rule
from unstuck.rules.wires import Wires

__all__ = ["TargetsNotScaled"]

REGRESSION = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
BOUNDED = ("Sigmoid", "Tanh", "Softmax", "LogSoftmax", "Relu", "Hardtanh", "Clamp")
SQUARED = ("mse_loss",)


def _regression_alone(run: Run) -> bool:
    calls = loss_calls(run)
    known = bool(calls) and calls[0].target.variance is not None
    return known and all(call.function in REGRESSION for call in calls)


REGRESSION_ALONE = Gate("the loss is not that of a regression alone", _regression_alone)


@dataclass(frozen=True, kw_only=True)
class TargetsNotScaled(Rule):
    """The targets are of another size than the outputs of a fresh network, and the steps cannot bridge it.

    Detects:
        Targets in hundreds or thousands, or all below a hundredth, with a training that blows up at once or whose
        outputs stay far from the targets until it ends.

    Why it matters:
        A fresh network gives outputs near zero, of size one at most. The gradient of a squared error grows with the
        size of the targets, so that descent by its length overshoots; a method that normalises its steps (Adam) needs
        thousands of them to carry an output bias to 1,000.

    Evidence:
        Mean and spread of the targets at the call of the loss; the mean output at the end of the training; the loss
        against that of the best constant guess, which is the variance of the targets.

    Known false positives:
        Large targets that are learnt all the same are silent: nothing is reported where the loss ends well below the
        constant guess. Outputs that an activation bounds are another fault, and silent here.

    Try:
        Subtract the mean of the training targets and divide by their standard deviation; undo it on predictions. For
        prices and counts, train on the logarithm.

    References:
        LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998, section 4.5, choosing target values; Bishop, "Neural
        Networks for Pattern Recognition", 1995, section 8.2.
    """

    code = "D202"
    name = "targets not scaled"
    cause = "targets-not-scaled"
    needs = (Loss, signals.LOSS)
    applies_to = (REGRESSION_ALONE, TARGETS_STAND)

    large: float = 10.0  #: root mean square of the targets; standardised ones have 1, outputs of a fresh layer below 1
    gross: float = 50.0  #: the same, beyond doubt: fifty times what a fresh network gives
    small: float = 0.01  #: deviation and mean of the targets below it, outputs of a fresh layer drown them
    high_rate: float = (
        0.1  #: rate of descent by length above which it may itself be the cause (the usual ones end here)
    )
    grown: float = 0.01  #: first loss against that of outputs of nought, below which targets grew later (our choice)
    lag: float = 0.3  #: mean output short of the mean target, as a share of their size, at the end (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        call = loss_calls(run)[0]
        mean, deviation = call.target.mean or 0.0, math.sqrt(call.target.variance or 0.0)
        size = math.hypot(mean, deviation)
        if not math.isfinite(size) or size == 0.0 or call.output.operation.removesuffix("Backward") in BOUNDED:
            return
        finding = None
        if size > self.large and not self._grew(run, call, size):
            blew_up = _blew_up(run)
            finding = self._diverged(run, call, size) if blew_up else self._lags(run, call, mean, deviation, size)
        elif size < self.small:
            finding = self._drowned(run, call, size)
        if finding is not None:
            yield finding

    def _diverged(self, run: Run, call: Loss, size: float) -> Finding | None:
        finite = run.series(signals.LOSS).finite()
        if call.function not in SQUARED or not self._starts_small(run, size) or not _by_length(run) or _linear(run):
            return None
        if (learning_rate(run) or 0.0) > (self.high_rate if size > self.gross else self.high_rate / 10):
            return None
        confidence = 0.9 if size > self.gross else 0.65
        note = "the loss grows beyond all bounds"
        values = finite.values[np.isfinite(finite.values)]
        peak = float(values.max()) if len(values) else float("inf")
        first = float(values[0]) if len(values) else 0.0
        return self._report(call, size, "error", confidence, "and the training blows up", (
            Evidence(signal="loss", value=peak, threshold=1e3 * first, note=note),
        ))  # fmt: skip

    def _lags(self, run: Run, call: Loss, mean: float, deviation: float, size: float) -> Finding | None:
        learning = Learning.of(run) if len(run.series(signals.LOSS).finite()) else None
        outputs = run.series(signals.OUTPUT_MEAN).finite()
        spread = run.series(signals.OUTPUT_STD).finite()
        if learning is None or learning.seems == "good" or not len(outputs):
            return None
        # The loss is taken at every step, the outputs on samples: what is left of a squared error tells the distance.
        behind = abs(mean - float(outputs.values[-1])) / size
        narrow = len(spread) > 0 and float(spread.values[-1]) < 0.3 * deviation
        # A mean absolute error is at most the deviation, and that of other losses for far errors is about it.
        guess = deviation if call.function not in SQUARED and call.reduction == "mean" else learning.guess
        worse = guess is not None and learning.curve.end.value > 1.1 * guess
        if behind < self.lag and not (narrow and deviation > self.large):
            return None
        if not worse and learning.seems != "none":
            return None
        severity: Severity = "error" if worse or learning.seems == "none" else "warning"
        sure = size > self.gross and behind > self.lag and worse
        return self._report(call, size, severity, 0.9 if sure else 0.65, "and the outputs do not reach them", (
            Evidence(
                signal="output_mean",
                value=float(outputs.values[-1]),
                threshold=mean,
                steps=(int(outputs.steps[0]), int(outputs.steps[-1])),
                note="mean output on the last sample, against the mean target",
            ),
            Evidence(
                signal="loss",
                value=learning.curve.end.value,
                threshold=learning.reference,
                note="end, against the best constant guess",
            ),
        ))  # fmt: skip

    def _drowned(self, run: Run, call: Loss, size: float) -> Finding | None:
        learning = Learning.of(run) if len(run.series(signals.LOSS).finite()) else None
        spread = run.series(signals.OUTPUT_STD).finite()
        if learning is None or learning.seems != "none" or not len(spread):
            return None
        last = float(spread.values[-1])
        if last < 2 * size:
            return None
        return self._report(call, size, "error", 0.6, "and drown in what the network gives anyway", (
            Evidence(signal="output_std", value=last, threshold=2 * size, note="spread of the outputs at the end"),
        ))  # fmt: skip

    def _grew(self, run: Run, call: Loss, size: float) -> bool:
        """Whether the first loss is far below what such targets give: the network made them, and they grew with it."""
        losses = run.series(signals.LOSS).finite()
        typical = size**2 if call.function in SQUARED else size
        return len(losses) > 0 and 0 < losses.values[0] < self.grown * typical

    def _starts_small(self, run: Run, size: float) -> bool:
        """Whether the first outputs lie near zero, so that the size of the error is that of the targets."""
        outputs = run.series(signals.OUTPUT_STD).finite()
        return not len(outputs) or abs(float(outputs.values[0])) < 0.1 * size

    def _report(
        self, call: Loss, size: float, severity: Severity, confidence: float, words: str, proofs: tuple[Evidence, ...]
    ) -> Finding:
        mean, deviation = call.target.mean or 0.0, math.sqrt(call.target.variance or 0.0)
        scale = f"(y - {mean:.3g}) / {deviation:.3g}" if deviation else "(y - mean) / std"
        bound = self.large if size > self.large else self.small
        return self.finding(
            f"the targets have mean {mean:.4g} and standard deviation {deviation:.4g}, {words}",
            f"Train on {scale}, with the statistics of the training part, and undo it on predictions.",
            severity=severity,
            confidence=confidence,
            where=call_place(call),
            evidence=(
                Evidence(signal="loss", value=size, threshold=bound, note="root mean square of targets"),
                *proofs,
            ),
        )


def _blew_up(run: Run) -> bool:
    losses = run.series(signals.LOSS)
    finite = losses.finite()
    return len(finite) < len(losses) or (len(finite) > 2 and bool(finite.values[-1] > 1e3 * abs(finite.values[0])))


def _by_length(run: Run) -> bool:
    """Whether the method's steps grow with the gradient; those of Adam and its kin do not, whatever the targets."""
    optimizer = run.fact(Optimizer)
    if optimizer is None or "SGD" in optimizer.type:
        return True
    return not divides_size(optimizer.type) and all(group.betas is None for group in optimizer.groups)


def _linear(run: Run) -> bool:
    """Whether the model is one product with the data: its stability hangs on inputs and rate, not on targets."""
    wires = Wires.of(run)
    return wires is not None and len(wires.inward) == 1 and wires.inward[0].inputs and not wires.operations

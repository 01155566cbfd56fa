"""I101: the loss before training is not what it should be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning, batch_size, expected_start, single_loss
from unstuck.learning.curve import Curve
from unstuck.record import Evidence, Finding, NotEvaluated, Run, Severity, Where, signals
from unstuck.record.facts import InitialLoss, Loss, Model
from unstuck.rules.calls import called_and_differentiated
from unstuck.rules.rule import Gate, Rule

__all__ = ["InitialLossOff"]

EXPECTED = Gate(
    "the expected first loss of this loss function is not known", lambda run: expected_start(run) is not None
)

SEEN_FIRST = Gate(
    "the loss before the first update was not seen",
    lambda run: bool((run.series(signals.LOSS).finite().steps[:1] == 0).any()),
)


@dataclass(frozen=True, kw_only=True)
class InitialLossOff(Rule):
    """The untrained model is surer of itself than it can be, or the loss is not the mean that it seems.

    Detects:
        A first loss far above that of an untrained network: ln C for cross-entropy over C classes, ln 2 for a
        probability, the mean square of the targets for squared error. A first loss that is the expected one times the
        batch size is a sum in place of a mean.

    Why it matters:
        The first loss is the cheapest test there is: it is known before training. Outputs far too large have to be
        unlearnt first, and saturate what follows. A sum for a mean multiplies every gradient, and the rate that suits
        it changes with the batch size.

    Evidence:
        The loss of the first batch or of the check before training, the expectation with its formula, three standard
        errors of its sampling, and how long training takes to come down to the expectation.

    Known false positives:
        A start below the expectation is that of a model that was trained before, or of a loss divided for gradient
        accumulation: never reported. Penalties added to the loss raise it a little: the bound is a multiple. Tied
        embeddings with unit variance start high and recover: a note wherever learning goes well.

    Try:
        Initialise the last layer small (He or Glorot, zero bias); scale the inputs; take the mean over the batch.

    References:
        CS231n, "Neural Networks Part 3", sanity checks: look for correct loss at chance performance; Karpathy, "A
        recipe for training neural networks", 2019, verify loss at init.
    """

    code = "I101"
    name = "initial loss off"
    cause = "init-scale-wrong"
    needs = (signals.LOSS,)
    applies_to = (EXPECTED, SEEN_FIRST)

    factor: float = 3.0  #: first loss over the expected one; default initialisations give 1.0 to 1.3 (measured)
    gross: float = 8.0  #: factor beyond doubt: logits whose spread is about ten times a class's fair share
    match: float = 0.15  #: relative distance at which the ratio is the batch size
    recovery: float = 0.1  #: share of the training spent above the expectation, from which it matters (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        expected, curve, fact = expected_start(run), Curve.of(run.series(signals.LOSS)), run.fact(InitialLoss)
        if expected is None:
            return
        value = fact.value if fact is not None else curve.first
        target, tolerance, formula = expected
        if value < self.factor * target or value < target + tolerance:
            return
        if abs(value / target / _features(run) - 1.0) < self.match:
            return  # summed over an example's outputs and averaged over the batch, as an autoencoder's loss often is
        evidence = Evidence(
            signal="initial_loss" if fact is not None else "loss",
            value=value,
            threshold=self.factor * target,
            steps=(0, 0),
            note=f"loss before training, expected at {target:.4g} ({formula}), within {tolerance:.2g}",
        )
        summed = self._summed(run, value / target, evidence)
        if summed is not None:
            yield summed
        elif _learnt_before(run):
            yield NotEvaluated(reason="weights were trained before, and nobody would draw them anew")
        elif _called_first(run) >= self.factor * target:  # else something was added to what the loss function gave
            yield self._oversized(run, curve, target, evidence)

    def _summed(self, run: Run, ratio: float, evidence: Evidence) -> Finding | None:
        """A loss that is the expected one times the examples of a batch."""
        loss = single_loss(run)
        size = batch_size(run, loss)
        if size < 2 or abs(ratio / size - 1.0) > self.match or (loss is not None and loss.reduction == "sum"):
            return None
        good = Learning.of(run).seems == "good"
        return self.finding(
            f"the first loss is {ratio:.3g} times the expected one, which is the batch size: a sum for a mean",
            "Take the mean over the batch (reduction='mean'), or divide the loss by its size; then choose the rate.",
            severity="note" if good else "warning",
            confidence=0.8,
            cause="loss-reduction-wrong",
            where=_loss_place(run),
            evidence=(evidence,),
        )

    def _oversized(self, run: Run, curve: Curve, target: float, evidence: Evidence) -> Finding:
        """Outputs too large: how much it matters is told by how long the loss takes to come down."""
        outcome = Learning.of(run).seems
        lost = _share_above(curve, target)
        severity: Severity = "note"
        if outcome == "none":
            severity = "error" if evidence.value > self.gross * target else "warning"
        elif outcome == "partial" and (lost > self.recovery or evidence.value > self.gross * target):
            severity = "warning"
        layer = _last_layer(run)
        return self.finding(
            f"the first loss is {evidence.value:.4g} where an untrained network gives {target:.4g}: "
            "its outputs are far too large",
            "Initialise with He's or Glorot's scale (torch.nn.init), the last layer smaller, and scale the inputs.",
            severity=severity,
            confidence=0.75 if evidence.value > self.gross * target else 0.6,
            where=Where(module=layer) if layer else None,
            evidence=(
                evidence,
                Evidence(
                    signal="loss",
                    value=lost,
                    threshold=self.recovery,
                    note="share of the training until the loss came down to what it should have started from",
                ),
            ),
        )


def _learnt_before(run: Run) -> bool:
    """Whether some of the weights are not as an initialiser draws them."""
    model = run.fact(Model)
    return model is not None and any(parameter.fresh is False for parameter in model.parameters)


def _features(run: Run) -> float:
    """Values that an example is compared by, one by one; 1 for classes."""
    loss = single_loss(run)
    return float(np.prod(loss.output.shape[1:])) if loss and loss.target.type == "real" else 1.0


def _share_above(curve: Curve, target: float) -> float:
    """Share of the training before the loss, smoothed by a median of five, first lies at the target."""
    values = curve.values
    smooth = [float(np.median(values[max(0, i - 2) : i + 3])) for i in range(len(values))]
    below = next((i for i, value in enumerate(smooth) if value <= target), None)
    if below is None:
        return 1.0
    length = float(curve.steps[-1] - curve.steps[0])
    return float(curve.steps[below] - curve.steps[0]) / length if length else 0.0


def _last_layer(run: Run) -> str | None:
    """The layer with the widest outputs at the start; None where activations were not sampled."""
    spreads = {
        path: float(series.finite().values[0])
        for path, series in run.table(signals.ACTIVATION_STD).columns()
        if len(series.finite())
    }
    return max(spreads, key=lambda path: spreads[path]) if spreads else None


def _loss_place(run: Run) -> Where:
    loss = run.fact(Loss)
    return Where(file=loss.file, line=loss.line) if loss and not math.isnan(loss.line or 0) else Where()


def _called_first(run: Run) -> float:
    """What the loss function returned before the first update, which knows of no penalty; infinite where unknown."""
    steps, called, _ = called_and_differentiated(run)
    return float(called[0]) if len(steps) and steps[0] == 0 else float("inf")

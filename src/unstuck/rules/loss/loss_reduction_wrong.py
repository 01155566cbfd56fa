"""L201: a factor on the loss that the learning rate does not know of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning, batch_size
from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import Graph, Loss, Optimizer
from unstuck.rules.calls import call_place, called_and_differentiated, loss_calls
from unstuck.rules.gates import LOSS_CALLED, NOT_DIVERGING, POOR, losses
from unstuck.rules.methods import divides_size
from unstuck.rules.rule import Gate, Rule
from unstuck.rules.step_size import GOOD_RATIO, Steps

__all__ = ["LossReductionWrong"]


def _feels_a_factor(run: Run) -> bool:
    return not any(divides_size(optimizer.type) for optimizer in run.facts(Optimizer)[-1:])


FEELS_A_FACTOR = Gate("the steps of this method do not change with a factor on the loss", _feels_a_factor)

POOR_OR_DIVERGING = Gate("learning went well", lambda run: POOR.admits(run) or not NOT_DIVERGING.admits(run))


@dataclass(frozen=True, kw_only=True)
class LossReductionWrong(Rule):
    """The loss is a sum where a mean is meant, or a mean divided once more, so that every gradient is off by a factor.

    Detects:
        What is differentiated against what the loss function returned: a constant factor, such as the size of the
        batch or of the data set; or reduction="sum" over many elements. Reported for methods whose step
        grows with the gradient, where the steps are too large, or too small, by about that factor and learning
        suffers.

    Why it matters:
        A sum over 50 examples is a learning rate 50 times higher, which changes with the batch size; a mean divided by
        the size of the data set is one some thousand times lower.

    Evidence:
        The factor, at each sampled step; the update ratio ||dw|| / ||w||, and what it would be without the factor;
        the loss.

    Known false positives:
        Gradient accumulation divides by a few steps, and loss scaling for half precision is undone: both pass. A sum
        with a rate to match learns well, and passes. Adam and its kin do not notice a factor.

    Try:
        reduction="mean", and no further division; divide by the accumulation steps only.

    References:
        Goyal et al., "Accurate, large minibatch SGD", 2017, section 3, on the normalisation of the loss.
    """

    code = "L201"
    name = "loss reduction wrong"
    cause = "loss-reduction-wrong"
    needs = (signals.LOSS, Loss, Optimizer)
    applies_to = (LOSS_CALLED, losses(1), FEELS_A_FACTOR, POOR_OR_DIVERGING)

    factor: float = 8.0  #: a factor that no weighting of losses explains (our choice; accumulation is told apart)
    division: float = 40.0  #: a divisor beyond what gradients are accumulated over, where backward runs once a step
    spread: float = 0.02  #: relative spread of the factor over steps: rounding, and nothing that was added
    samples: int = 5  #: sampled steps with exactly one call of the loss
    large: float = 5.0 * GOOD_RATIO  #: update ratio that the factor must explain

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        learning, call = Learning.of(run), loss_calls(run)[0]
        factor = self.factor_of(run, call)
        if factor is None:
            return
        steps = Steps.of(run)
        ratio = steps.strongest() if len(steps) else None
        diverged = not np.isfinite(run.series(signals.LOSS).values).all() or learning.curve.shape == "diverging"
        too_large = factor >= self.factor and (diverged or ratio is None or ratio > self.large)
        too_small = factor <= 1.0 / self.division and (ratio is None or ratio < GOOD_RATIO)
        if too_large or too_small:
            yield self._report(run, learning, call, factor, ratio)

    def factor_of(self, run: Run, call: Loss) -> float | None:
        """What the loss is multiplied by against a mean over its elements; None where it is not constant."""
        outer = self._outer(run)
        if outer is None:
            return None
        shape = call.output.shape if call.target.type == "real" else call.target.shape
        elements = batch_size(run, call) * float(np.prod(shape[1:])) if shape else batch_size(run, call)
        return outer * (elements if call.reduction == "sum" else 1.0)

    def _outer(self, run: Run) -> float | None:
        """What was differentiated over what the loss function returned."""
        _, values, differentiated = called_and_differentiated(run)
        keep = np.abs(values) > 1e-8
        if keep.sum() < self.samples:
            diverged = not np.isfinite(run.series(signals.LOSS).values).all()
            return 1.0 if diverged and len(values) and self._equal(values, differentiated) else None
        factors = differentiated[keep] / values[keep]
        middle = float(np.median(factors))
        if middle <= 0 or float(np.percentile(np.abs(factors / middle - 1.0), 80)) > self.spread:
            return None
        return middle

    def _equal(self, called: np.ndarray, loss: np.ndarray) -> bool:
        return bool(np.allclose(called, loss, rtol=self.spread))

    def _report(self, run: Run, learning: Learning, call: Loss, factor: float, ratio: float | None) -> Finding:
        severity: Severity = "error" if learning.seems == "none" or learning.curve.shape == "diverging" else "warning"
        graph, place = run.fact(Graph), call_place(call)
        if factor < 1.0 and graph is not None and graph.file:
            place = Where(file=graph.file, line=graph.line)
        what = (
            f"the loss is {factor:.4g} times the mean over its elements"
            if factor > 1.0
            else f"the mean loss is divided by {1.0 / factor:.4g} before the backward pass"
        )
        effect = "and the steps are too large" if factor > 1.0 else "and the steps are too small to learn"
        evidence = [
            Evidence(
                signal="loss_call",
                value=factor,
                threshold=self.factor if factor > 1.0 else 1.0 / self.division,
                note=f"what is differentiated over the mean; reduction={call.reduction!r}",
            )
        ]
        if ratio is not None:
            note = f"||dw|| / ||w||; without the factor about {ratio / factor:.2g}"
            evidence.append(Evidence(signal="update_ratio", value=ratio, threshold=GOOD_RATIO, note=note))
        return self.finding(
            f"{what}, {effect}",
            "Take the mean (reduction='mean'), and divide it by nothing more; then the rate keeps its meaning when the "
            "batch changes.",
            severity=severity,
            confidence=0.92,
            where=place,
            evidence=tuple(evidence),
        )

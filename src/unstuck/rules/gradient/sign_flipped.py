"""G202: the update climbs the loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import optimizer_place, single_loss
from unstuck.learning.curve import CERTAIN, Curve, noise
from unstuck.learning.evaluations import Evaluations
from unstuck.learning.game import beside_another
from unstuck.learning.policies import acts
from unstuck.record import Evidence, Finding, Run, Where, signals
from unstuck.rules.calls import called_and_differentiated
from unstuck.rules.gates import NO_GAME, losses
from unstuck.rules.rule import Rule

__all__ = ["SignFlipped"]


@dataclass(frozen=True, kw_only=True)
class SignFlipped(Rule):
    """The weights move along the gradient of the loss in place of against it, and the loss climbs.

    Detects:
        Updates that point along the gradient at nearly all steps while what is differentiated grows: maximize=True, a
        plus for a minus in an update written by hand. Or the negative of a known loss that is differentiated, while
        that loss itself grows. Or an objective of one's own that starts below zero and falls faster and faster: a loss
        has a floor, and only its negative has none.

    Why it matters:
        Training makes the model as bad as it can.

    Evidence:
        The cosine between update and gradient, by parameter tensor, over the sampled steps: -1 is steepest descent; the
        loss at the start and at the end; the value that the loss function returned against what was differentiated.

    Known false positives:
        An objective that is to be maximised (a log-likelihood, a reward) rises on purpose: where no loss function of
        torch is seen, only what is never negative and grows without slowing, or a thousandfold, counts. In a game of
        several optimizers one may climb what another descends: silent. Momentum carries single steps uphill: nearly all
        must be. What a policy gains, or another training beside this one learns to give, such as the values of
        actions, falls below zero without end as long as that grows: silent.

    Try:
        Take maximize=True away, or the minus before the loss; in an update by hand, subtract the rate times the
        gradient.

    References:
        PyTorch documentation, torch.optim.SGD, maximize.
    """

    code = "G202"
    name = "gradient sign flipped"
    cause = "gradient-sign-flipped"
    needs = (signals.LOSS,)
    applies_to = (losses(10), NO_GAME)

    uphill: float = 0.2  #: cosine of update and gradient; noise and momentum scatter about -0.2 or below (our choice)
    share: float = 0.8  #: share of the samples that point uphill, so that a swing of momentum does not count
    growth: float = 3.0  #: end against start of an objective that no loss function of torch names (our choice)
    runaway: float = 1000.0  #: end against start that no likelihood or reward attains (our choice)
    hastening: float = 0.6  #: share of its fall that a loss without a floor makes in its last half; a line makes 0.5
    worse: float = 0.1  #: fall of the validation accuracy that is no chance on fifty examples
    minimum_samples: int = 5  #: sampled updates below which a direction is a coincidence (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        curve = Curve.of(run.series(signals.LOSS))
        negated = self._negated(run) or self._bottomless(run, curve)
        if negated is not None:
            yield negated
            return
        cosine = self._direction(run)
        if cosine is None or cosine < self.uphill:
            return
        found = self._confidence(run, curve)
        if found is not None:
            yield self._climbing(run, curve, cosine, found)

    def _direction(self, run: Run) -> float | None:
        """Median cosine of update and gradient, where nearly all samples point uphill."""
        table = run.table(signals.UPDATE_GRADIENT_COSINE)
        if len(table) < self.minimum_samples:
            return None
        known = np.isfinite(table.values)
        rows = np.array([np.median(row[keep]) for row, keep in zip(table.values, known, strict=True) if keep.any()])
        if len(rows) < self.minimum_samples or np.mean(rows > self.uphill) < self.share:
            # A single parameter that climbs by hand shows in its own column alone.
            columns = [c.finite().values for _, c in table.columns()]
            columns = [c for c in columns if len(c) >= self.minimum_samples and np.mean(c > self.uphill) >= self.share]
            return float(max(np.median(c) for c in columns)) if columns else None
        return float(np.median(rows))

    def _confidence(self, run: Run, curve: Curve) -> float | None:
        """How sure it is that what climbs should not; None where it may."""
        rise = curve.end.value - curve.start
        surely = rise > CERTAIN * np.hypot(curve.end.error, curve.start_noise) or rise > curve.scale
        if not surely:
            return None
        if single_loss(run) is not None:
            return 0.97
        validation = Evaluations.of(run).accuracies.finite().values
        if len(validation) > 1 and validation[-1] < validation[0] - self.worse:
            return 0.9
        late = curve.end.value - curve.level(0.45, 0.55).value
        unbounded = curve.end.value > self.growth * curve.start and late > 0.4 * rise
        unbounded = unbounded or curve.end.value > self.runaway * curve.scale
        return 0.85 if unbounded and curve.values.min() >= 0 else None

    def _climbing(self, run: Run, curve: Curve, cosine: float, confidence: float) -> Finding:
        span = (int(curve.steps[0]), int(curve.steps[-1]))
        return self.finding(
            f"the updates climb the loss: it grows from {curve.start:.4g} to {curve.end.value:.4g} because the weights "
            "move along its gradient",
            "Turn the sign: no maximize=True for a loss, no minus before it, and w -= lr * grad in an update by hand.",
            severity="error",
            confidence=confidence,
            where=optimizer_place(run),
            evidence=(
                Evidence(
                    signal="update_gradient_cosine",
                    value=cosine,
                    threshold=self.uphill,
                    steps=span,
                    note="median; -1 is steepest descent, 1 steepest ascent",
                ),
                Evidence(signal="loss", value=curve.end.value, threshold=curve.start, steps=span),
            ),
        )

    def _negated(self, run: Run) -> Finding | None:
        """A known loss that grows, of which the negative is differentiated."""
        steps, values, differentiated = called_and_differentiated(run)
        known = single_loss(run)
        if known is None or len(steps) < self.minimum_samples:
            return None
        turned = np.mean((values > 0) & (differentiated < 0)) > self.share
        exact = turned and np.corrcoef(values, differentiated)[0, 1] < -0.9
        if not exact or np.mean(values[-3:]) < 1.2 * np.mean(values[:3]):
            return None
        return self.finding(
            f"the negative of {known.function} is differentiated: training drives the loss up from {values[0]:.4g} to "
            f"{values[-1]:.4g}",
            f"Remove the minus before {known.function}: optimizers minimise.",
            severity="error",
            confidence=0.95,
            where=Where(file=known.file, line=known.line),
            evidence=(
                Evidence(
                    signal="loss_call",
                    value=float(values[-1]),
                    threshold=float(values[0]),
                    steps=(int(steps[0]), int(steps[-1])),
                    note=f"while {differentiated[-1]:.4g} is differentiated",
                ),
            ),
        )

    def _bottomless(self, run: Run, curve: Curve) -> Finding | None:
        """An objective of one's own that is below zero from the first, and falls faster and faster."""
        scatter = max(abs(curve.start), noise(curve.values[: 2 * self.minimum_samples]))
        endless = curve.end.value < -self.runaway * scatter
        below = curve.start < (0.0 if endless else -CERTAIN * curve.start_noise)
        below = below and np.mean(curve.values < 0) > self.share
        far = endless or self.growth * curve.start - curve.end.value > CERTAIN * curve.fall_error
        late = curve.level(0.45, 0.55).value - curve.end.value
        if single_loss(run) is not None or not (below and far) or late < self.hastening * curve.fall:
            return None
        if acts(run) or beside_another(run):
            return None
        return self.finding(
            f"the loss starts below zero and falls faster and faster, from {curve.start:.4g} to {curve.end.value:.4g}: "
            "it has no floor, as only the negative of a loss has none",
            "See whether a minus is missing or too many: what is minimised must be smallest where the model is best. "
            "A log-likelihood or a reward needs a minus, its negative none.",
            severity="error",
            confidence=0.8,
            where=optimizer_place(run),
            evidence=(
                Evidence(
                    signal="loss",
                    value=curve.end.value,
                    threshold=self.growth * curve.start,
                    steps=(int(curve.steps[0]), int(curve.steps[-1])),
                    note=f"{late / curve.fall:.0%} of the fall lies in the last half",
                ),
            ),
        )

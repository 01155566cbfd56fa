"""G301: training stands at a point where the gradient is zero, and nothing is learnt there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import seen_late
from unstuck.learning.game import in_a_game
from unstuck.record import Evidence, Finding, Run, Where, facts, signals
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Gate, Rule
from unstuck.rules.zero_gradients import ZeroGradients

__all__ = ["CriticalPoint"]


SAMPLES = 5
"""Sampled steps without any gradient: at single ones a loss is clipped or masked by chance."""


def _sampled(run: Run) -> bool:
    return len(run.table(signals.GRADIENT_NORM)) >= SAMPLES and ZeroGradients.of(run) is not None


@dataclass(frozen=True, kw_only=True)
class CriticalPoint(Rule):
    """The gradient is zero where training stands, and what it stands on is no minimum that was learnt.

    Detects:
        Gradients that are exactly zero for all parameters, from the start or from some step to the end, although the
        loss depends on them; a start so near to a saddle that no step leads away from it; gradients that are exactly
        zero at every step for most weights, behind a product of which a factor is zero. In all cases of a training
        that has learnt nothing.

    Why it matters:
        A step follows the gradient. Where that is zero, no rate, no optimizer and no time leads away, except noise.

    Evidence:
        The norm of the gradient of each parameter; and, where an extra backward pass could be made, the least and the
        greatest curvature of the loss there: of both signs at a saddle, none on a plateau.

    Known false positives:
        A training that has converged has no gradient either: one that has learnt is silent. Parameters that the loss
        does not lead to have no gradient at all, which is a detached graph (G203). Layers of dead rectifiers (G101) and
        units that start as copies (I201) explain zeros that they cause. In a run of several trainings, a note,
        unless an extra backward pass has shown that every derivative is zero.

    Try:
        Start at random: torch.nn.init.kaiming_normal_, or a little noise on the constants. Give at most one factor of a
        product zeros. Look at masks, gates and factors that are multiplied in: one that is zero stops all gradients.

    References:
        Dauphin et al., "Identifying and attacking the saddle point problem in high-dimensional non-convex
        optimization", 2014; Goodfellow, Bengio and Courville, "Deep Learning", section 8.2.
    """

    code = "G301"
    name = "critical point"
    cause = "critical-point"
    needs = (signals.LOSS, signals.GRADIENT_NORM)
    applies_to = (Gate(f"gradients were sampled at fewer than {SAMPLES} steps", _sampled),)

    negative: float = 0.01  #: curvature downwards over that upwards, above rounding, that makes a saddle (our choice)
    most: float = 0.5  #: share of the weights that get no gradient, from which little is left to learn with
    still: float = 10.0  #: times the gradient of the start that it must stay below to be caught there (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        zeros = ZeroGradients.of(run)
        if zeros is None or outcome_of(run) != "none" or not seen_late(run, run.table(signals.GRADIENT_NORM).steps):
            return
        points = run.facts(facts.CriticalPoint)
        if zeros.since is not None and zeros.samples >= SAMPLES:
            if zeros.whole and points and not any(point.gradient == 0.0 for point in points):
                return  # backward() gives gradients, which are set to zero before the step
            yield self._nothing_at_all(run, zeros, points)
        elif points and self._caught(run, points[0]):
            yield self._near(run, points)
        elif zeros.always and zeros.share >= self.most:
            yield self._behind_a_product(run, zeros)

    def _nothing_at_all(self, run: Run, zeros: ZeroGradients, points: tuple[facts.CriticalPoint, ...]) -> Finding:
        when = "from the start" if zeros.whole else f"from step {zeros.since:,} on"
        exact = [point for point in points if point.gradient == 0.0]
        kind = self._kind(exact[0]) if exact else "a critical point"
        return self.finding(
            f"the gradient of every parameter is exactly zero {when}: training stands on {kind}, at a loss of "
            f"{run.series(signals.LOSS).finite().values[-1]:.4g}",
            "Start elsewhere: draw the weights at random (torch.nn.init), or add a little noise to constant ones; let "
            "no factor of a product be zero in all its weights, and no mask or clamp stop every gradient.",
            severity="note" if in_a_game(run) and not exact else "error",
            confidence=0.96 if exact else 0.6,
            where=Where(parameter=zeros.at_the_end[0]),
            evidence=(
                Evidence(
                    signal="gradient_norm",
                    value=0.0,
                    threshold=0.0,
                    steps=(zeros.since or 0, zeros.steps[1]),
                    note=f"of {len(zeros.at_the_end)} parameters that the loss depends on, at {zeros.samples} samples",
                ),
                *map(self._curvature, exact[:1]),
            ),
        )

    def _near(self, run: Run, points: tuple[facts.CriticalPoint, ...]) -> Finding:
        point = points[0]
        return self.finding(
            f"training starts next to {self._kind(point)} and stays there: the gradient is {point.gradient:.2g} at a "
            f"loss of {point.loss:.4g}, which has not fallen",
            "Start further away: draw the weights at random (torch.nn.init) at the usual scale; a step is as long as "
            "the gradient, which grows only with the distance from such a point.",
            severity="note" if in_a_game(run) else "error",
            confidence=0.9,
            evidence=(
                self._curvature(point),
                Evidence(
                    signal="critical_point", value=point.gradient, steps=(point.step, point.step), note="gradient"
                ),
            ),
        )

    def _behind_a_product(self, run: Run, zeros: ZeroGradients) -> Finding:
        spread = run.series(signals.OUTPUT_SPREAD).finite().values
        constant = len(spread) > 0 and not spread.any()
        same = "; the outputs are the same for every example" if constant else ""
        return self.finding(
            f"{len(zeros.always)} parameters, {zeros.share:.0%} of the weights, have a gradient of exactly zero at "
            f"every step, although the loss depends on them{same}",
            "Follow the forward pass from these layers to the loss and look for a factor that is zero: a mask, a gate, "
            "weights that start at zero on both sides of a product, an activation that is flat for all its inputs.",
            severity="note" if in_a_game(run) else "error",
            confidence=0.85 if constant else 0.7,
            where=Where(parameter=zeros.always[0]),
            evidence=(
                Evidence(
                    signal="gradient_norm",
                    value=zeros.share,
                    threshold=self.most,
                    steps=zeros.steps,
                    note="share of the weights whose gradient is exactly zero at every sampled step: "
                    + ", ".join(zeros.always[:6]),
                ),
            ),
        )

    def _caught(self, run: Run, point: facts.CriticalPoint) -> bool:
        """Whether the loss falls to a side of a point that training has not left."""
        if point.least >= -self.negative * abs(point.greatest) or point.least >= 0:
            return False
        norms = np.sqrt(np.nansum(run.table(signals.GRADIENT_NORM).values ** 2, axis=1))
        return bool(norms[-SAMPLES:].max() <= self.still * max(point.gradient, norms[0]))

    def _kind(self, point: facts.CriticalPoint) -> str:
        if point.least == point.greatest == 0.0:
            return "a plateau, without slope and curvature"
        if point.greatest <= 0.0:
            return "a maximum"
        return "a saddle" if point.least < -self.negative * point.greatest else "a critical point"

    def _curvature(self, point: facts.CriticalPoint) -> Evidence:
        return Evidence(
            signal="critical_point",
            value=point.least,
            threshold=0.0,
            steps=(point.step, point.step),
            note=f"least curvature of the loss there; the greatest is {point.greatest:.3g}",
        )

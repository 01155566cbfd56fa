"""O203: steps bounce between the walls of a narrow valley."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning, optimizer_place
from unstuck.record import Evidence, Finding, Run, Series, signals
from unstuck.record.facts import Inputs, Optimizer
from unstuck.record.numbers import number
from unstuck.rules.gates import NO_GAME, NOT_DIVERGING, PLAIN_DESCENT, losses, samples
from unstuck.rules.rate import rate_in_words
from unstuck.rules.rule import Rule

__all__ = ["IllConditioned"]


@dataclass(frozen=True, kw_only=True)
class IllConditioned(Rule):
    """Each step undoes the one before, while the gradient stays large and the loss hardly falls.

    Detects:
        Plain gradient descent whose successive gradients oppose each other, with a loss that stays high and does not
        diverge. As a note: inputs so strongly correlated that plain gradient descent cannot have come far along most
        directions, with a loss that still falls, or of which much is left.

    Why it matters:
        Being stuck does not mean that the gradient is small. Where the curvature differs between directions, the
        steepest one allows no larger rate, and along the flattest one that rate gets nowhere: the number of steps grows
        with the condition number.

    Evidence:
        The cosine of successive gradients, near -1 where steps bounce and 0 for mere noise; the gradient's norm late
        against early; the loss that is left. The greatest eigenvalue of the correlations between the inputs over the
        median one, which is by how many times more steps half of the directions take than the steepest.

    Known false positives:
        Full-batch descent at the edge of stability bounces too while the loss falls: silent where the training goes
        well. Momentum and adaptive methods bounce for other reasons: not judged.

    Try:
        Scale or decorrelate the inputs, normalise between layers, use momentum (0.9) or Adam.

    References:
        LeCun et al., "Efficient BackProp", 1998; Goh, "Why momentum really works", Distill 2017; CS231n, "Neural
        Networks Part 3".
    """

    code = "O203"
    name = "ill-conditioned"
    cause = "ill-conditioned"
    needs = (signals.LOSS, signals.GRADIENT_COSINE, Optimizer)
    applies_to = (
        losses(1),
        samples(signals.GRADIENT_COSINE, 8, "pairs of successive gradients"),
        PLAIN_DESCENT,
        NO_GAME,
        NOT_DIVERGING,
    )

    bounce: float = -0.5  #: median cosine: 120 degrees; the noise of mini-batches gives 0
    correlated: float = 100.0  #: greatest over median eigenvalue of the inputs' correlations (our choice)
    gain: float = 0.1  #: share of the loss that the last half took off, where it still falls (our choice)
    still: float = 0.05  #: gradient norm late over early, above which it is still large (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        cosines, learning = run.series(signals.GRADIENT_COSINE).finite(), Learning.of(run)
        found = self._bounces(run, learning, cosines) or self._correlates(run, learning)
        if found is not None:
            yield found

    def _bounces(self, run: Run, learning: Learning, cosines: Series) -> Finding | None:
        """Gradients that oppose each other, with a loss that stays high."""
        if learning.seems == "good":
            return None
        cosine = float(np.median(cosines.values))
        norms = np.sqrt(np.nansum(np.square(run.table(signals.GRADIENT_NORM).values), axis=1))
        share = float(np.median(norms[-5:]) / max(float(np.median(norms[:5])), 1e-300)) if len(norms) else 0.0
        if cosine > self.bounce or share < self.still:
            return None
        return self.finding(
            f"steps bounce between the walls of a valley: each gradient opposes the one before, and at the end it is "
            f"still {share:.0%} as large{rate_in_words(run)}",
            "Scale or decorrelate the inputs, add normalisation, or use momentum=0.9 or Adam; a smaller rate only "
            "crawls.",
            severity="error" if learning.seems == "none" else "warning",
            confidence=0.75,
            where=optimizer_place(run),
            evidence=(
                Evidence(
                    signal="gradient_cosine",
                    value=cosine,
                    threshold=self.bounce,
                    steps=(int(cosines.steps[0]), int(cosines.steps[-1])),
                    note="median of successive gradients",
                ),
                Evidence(signal="gradient_norm", value=share, threshold=self.still, note="late over early"),
                Evidence(
                    signal="loss", value=learning.curve.end.value, threshold=learning.reference, note="at the end"
                ),
            ),
        )

    def _correlates(self, run: Run, learning: Learning) -> Finding | None:
        """Inputs along most of whose directions plain gradient descent is slow."""
        inputs, curve = run.fact(Inputs), learning.curve
        times = inputs.correlated if inputs is not None else None
        if times is None or times < self.correlated:
            return None
        if not curve.still_falls(self.gain) and learning.seems == "good":
            return None
        return self.finding(
            f"the inputs are so strongly correlated that plain gradient descent takes {number(times)} times as many "
            f"steps along half of their directions as along the steepest; the loss is at {curve.end.value:.4g}",
            "Decorrelate the inputs (whitening, differences of neighbours, fewer of them), or use momentum or Adam.",
            severity="note",
            confidence=0.55,
            where=optimizer_place(run),
            evidence=(
                Evidence(
                    signal="inputs",
                    value=times,
                    threshold=self.correlated,
                    note="greatest over median eigenvalue of their correlations",
                ),
            ),
        )

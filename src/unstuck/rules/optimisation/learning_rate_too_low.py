"""O202: the learning rate is too low."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning, optimizer_place
from unstuck.record import Evidence, Finding, Run, signals
from unstuck.rules.adapters import Products
from unstuck.rules.gates import NO_GAME, NO_RANGE_TEST, STEPS_SAMPLED, TARGETS_STAND, losses
from unstuck.rules.rate import raise_rate
from unstuck.rules.rule import Rule
from unstuck.rules.step_size import GOOD_RATIO, Steps, clipped_norm, elasticity

__all__ = ["CLIPPED_AT", "LearningRateTooLow"]

CLIPPED_AT = 1.0
"""The norm that gradients are usually clipped to; Pascanu et al. (2013) take half to ten times the average norm."""


@dataclass(frozen=True, kw_only=True)
class LearningRateTooLow(Rule):
    """The steps are so small that training ends before the weights have moved.

    Detects:
        A loss that hardly falls, or falls in a straight line far above what a fit would reach, while all updates of the
        training together could move no weight matrix by more than a fraction of its size; or adapters whose products BA
        stay small beside the weights that they are added to. As a note: steps at the low
        end of what is usual, in a training that leaves most of the loss.

    Why it matters:
        Everything is right and nothing happens: the usual answer, training longer, costs a hundred times what a
        higher rate costs.

    Evidence:
        The update ratio ||dw|| / ||w|| of the most moved weight matrix, at its 90th percentile over time, so that
        warm-up and decay pass; that ratio summed over all updates; the loss against the constant guess; the elasticity
        ||g|| ||w|| / L, which shows that the loss would answer to larger steps, and so rules out vanished gradients.

    Known false positives:
        A model that starts trained, and is finished: silent, unless its weights move by less than a hundredth in all
        while a fifth of the loss is left. A task that cannot be learnt at all, at a rate that is low too, looks the
        same.

    Try:
        Multiply the rate by ten until the update ratio of weight matrices comes to about 1e-3, or run a rate finder.

    References:
        CS231n, "Neural Networks Part 3: Learning and Evaluation", ratio of weights and updates; Smith, "Cyclical
        learning rates for training neural networks", WACV 2017.
    """

    code = "O202"
    name = "learning rate too low"
    cause = "lr-too-low"
    needs = (signals.LOSS, signals.UPDATE_RATIO)
    applies_to = (losses(10), STEPS_SAMPLED, NO_GAME, NO_RANGE_TEST, TARGETS_STAND)

    low_ratio: float = 0.3 * GOOD_RATIO  #: update ratio; a third of CS231n's, all of it where nothing was learnt
    modest: float = 2.0 * GOOD_RATIO  #: update ratio below which a higher one is worth a try (our choice)
    distance: float = 0.3  #: weights moved in all; in good trainings by about their own size (our choice)
    remaining: float = 0.5  #: share of the loss left, below which training did get somewhere (our choice)
    still: float = 0.01  #: learnt weights moved in all, below which nothing is learnt anew (our choice)
    better: float = 0.2  #: share of the loss left of learnt weights, below which they may be finished (our choice)
    pace: float = 0.5  #: fall over the last half against the average; a straight line has 1, a finished fall 0
    elastic: float = 1e-2  #: elasticity: below it, weights changed by all their size move the loss by 1% at most

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        learning, steps = Learning.of(run), Steps.of(run)
        updates = int(learning.curve.steps[-1]) + 1
        products = Products.of(run)
        distance = products.largest() if products else steps.distance(updates)
        ratio = distance / updates if products else steps.strongest()
        low = GOOD_RATIO if learning.seems == "none" else self.low_ratio
        if ratio == 0.0 or (elasticity(run) or 1.0) < self.elastic:
            return
        if ratio < low and distance < self.distance and self._far(learning, distance):
            yield self._report(run, learning, ratio, distance, products)
        elif ratio < self.modest and self._unfinished(learning):
            yield self._remark(run, learning, ratio)

    def _far(self, learning: Learning, distance: float) -> bool:
        """Whether most of the loss is left, in a training that does not rise; of learnt weights, that move at all."""
        curve = learning.curve
        if learning.seems == "good" or curve.shape == "diverging":
            return False
        if learning.pretrained and learning.guess is not None:
            least = learning.floor or 0.0
            left = (curve.end.value - least) / (learning.guess - least)
            return distance < self.still and left > self.better and not curve.falls_surely
        left = learning.remaining if np.isfinite(learning.remaining) else 1.0 - max(curve.fall, 0.0) / curve.scale
        if learning.guess is None and not curve.falls_surely:
            # Flat, and nothing to measure it against: it may as well be finished.
            return False
        # A fall that fades, with steps this small, is one that has found what there is to find, if it found anything.
        nothing = learning.guess is not None and learning.seems == "none"
        return left > self.remaining and (nothing or curve.shape == "flat" or curve.pace(0.5) > self.pace)

    def _unfinished(self, learning: Learning) -> bool:
        """Whether something was learnt, and most of the loss is left."""
        partial = learning.seems == "partial" and not learning.pretrained and learning.guess is not None
        return partial and learning.remaining > self.remaining

    def _remark(self, run: Run, learning: Learning, ratio: float) -> Finding:
        end = learning.curve.end.value
        return self.finding(
            f"the steps are small, {ratio:.2%} of the weights, and {learning.remaining:.0%} of what a constant guess "
            "loses is left: a higher rate may get further",
            raise_rate(run),
            severity="note",
            confidence=0.5,
            evidence=(
                Evidence(
                    signal="update_ratio",
                    value=ratio,
                    threshold=self.modest,
                    note="||dw|| / ||w|| of the most moved weight matrix",
                ),
                Evidence(signal="loss", value=end, threshold=self.remaining * learning.reference, note="at the end"),
            ),
            where=optimizer_place(run),
        )

    def _report(
        self, run: Run, learning: Learning, ratio: float, distance: float, products: Products | None
    ) -> Finding:
        curve = learning.curve
        aligned = run.series(signals.GRADIENT_COSINE).finite().values
        cosine = float(np.median(aligned)) if len(aligned) else 0.0
        span = (int(curve.steps[0]), int(curve.steps[-1]))
        evidence = [
            self._of_products(distance, span) if products else self._of_updates(ratio, distance, span),
            Evidence(
                signal="loss",
                value=curve.end.value,
                threshold=self.remaining * learning.reference,
                steps=span,
                note=f"from {curve.start:.4g}; the curve is {curve.shape}",
            ),
        ]
        if cosine > 0.5:
            note = "successive gradients agree, so that longer steps are safe"
            evidence.append(Evidence(signal="gradient_cosine", value=cosine, threshold=0.5, note=note))
        clipped = clipped_norm(run)
        certain = curve.falls_surely or cosine > 0.5
        confidence = 0.6 if ratio > self.low_ratio else 0.9 if certain and ratio < 0.1 * GOOD_RATIO else 0.75
        updates = f"all {span[1] + 1} updates together"
        moved = (
            f"{updates} make the products of the adapters {distance:.2g} times as large as the weights that they adapt"
            if products
            else f"{updates} move the weights by {distance:.2g} of their size at most"
        )
        return self.finding(
            f"the loss moves only from {curve.start:.4g} to {curve.end.value:.4g}: {moved}",
            _loosen(clipped) if clipped and clipped < CLIPPED_AT else raise_rate(run),
            severity="error" if learning.remaining > 0.8 else "warning",
            confidence=confidence,
            evidence=tuple(evidence),
            where=optimizer_place(run),
        )

    def _of_updates(self, ratio: float, distance: float, span: tuple[int, int]) -> Evidence:
        note = f"||dw|| / ||w|| of the most moved weight matrix; all updates together at most {distance:.1%}"
        return Evidence(signal="update_ratio", value=ratio, threshold=self.low_ratio, steps=span, note=note)

    def _of_products(self, distance: float, span: tuple[int, int]) -> Evidence:
        note = "||BA|| / ||W|| of the largest adapter; the factor that begins at zero has no size of its own"
        return Evidence(signal=signals.ADAPTER_SIZE.key, value=distance, threshold=self.distance, steps=span, note=note)


def _loosen(norm: float) -> str:
    return f"Every gradient is clipped to a norm of {norm:.2g}: try max_norm={CLIPPED_AT:g}, at the same learning rate."

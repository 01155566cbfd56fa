"""O402: the batch size does not suit the training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from unstuck.learning import Learning, batch_size, optimizer_place, single_loss
from unstuck.record import Evidence, Finding, Run, signals
from unstuck.record.facts import BatchStatistics, Loader
from unstuck.rules.gates import NO_GAME, NOT_PRETRAINED, POOR, STEPS_SAMPLED, YARDSTICK, losses
from unstuck.rules.rate import rate_fell_below
from unstuck.rules.rule import Rule
from unstuck.rules.step_size import GOOD_RATIO, Steps

__all__ = ["BatchSizeUnsuited"]


@dataclass(frozen=True, kw_only=True)
class BatchSizeUnsuited(Rule):
    """Batches so large that too few steps are made, or so small that their noise drowns the step.

    Detects:
        A training on batches of nearly all examples, whose gradient is the same from step to step, and which ends after
        few steps, unfinished. A training on one to four examples at a time that stopped falling high up, under steps
        that are large and lead nowhere; or through batch norms whose statistics are those of two or three examples.

    Why it matters:
        The gradient's error falls with the square root of the batch, its price grows with the batch: beyond the
        point where successive batches agree, more examples only make fewer steps. With single examples the
        noise sets how low the loss can come at a given rate.

    Evidence:
        The share of all examples in a batch, the cosine of successive gradients, the number of updates; or the batch,
        the cosine near zero, the update ratio, and a loss that no longer falls; or how far the means of a batch are
        from the running means of a batch norm.

    Known false positives:
        Full-batch training of small sets is usual, and needs many steps: only few steps on many examples count.
        Batches of one long sequence hold many targets: these are counted. Steps far below the ratio that is
        usual are those of a rate too low, and left to that rule. Noise in the targets leaves a loss that a falling rate
        does not lower: silent.

    Try:
        32 to 256 examples a batch; or the rate with it: twice the batch, twice the rate (up to a limit).

    References:
        Masters and Luschi, "Revisiting small batch training for deep neural networks", 2018; McCandlish et al., "An
        empirical model of large-batch training", 2018; Wu and He, "Group normalization", ECCV 2018, figure 1; Bengio,
        "Practical recommendations", 2012, section 3.1.
    """

    code = "O402"
    name = "batch size unsuited"
    cause = "batch-size-unsuited"
    needs = (signals.LOSS, signals.BATCH_SIZE)
    applies_to = (losses(5), YARDSTICK, STEPS_SAMPLED, NO_GAME, NOT_PRETRAINED, POOR)

    large: int = 256  #: examples from which a batch may be too large
    share: float = 0.9  #: examples of a batch that the step before had too: it is all there is
    agreement: float = 0.8  #: median cosine of successive gradients: hardly any noise is left to average out
    few: int = 200  #: updates that are few: networks take thousands (our choice)
    small: int = 4  #: examples, and targets, of a batch that is tiny
    noisy: float = 0.25  #: median cosine below which noise outweighs the direction
    moving: float = 5e-3  #: late update ratio: five times the usual, so that noise throws the weights about
    faded: float = 0.25  #: last rate over the highest, below which most of the noise is gone (it goes with the rate)
    neighbours: int = 8  #: examples of a batch norm, beyond which its statistics are no chance (our choice)
    chance: float = 0.2  #: distance of the means of a batch from those of the data: that of five values
    left: float = 0.3  #: share of the loss that must be left (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        learning, steps = Learning.of(run), Steps.of(run)
        size = batch_size(run)
        cosines = run.series(signals.GRADIENT_COSINE).finite().values
        cosine = float(np.median(cosines)) if len(cosines) else None
        found = (
            self._large(run, learning, steps, size, cosine)
            or self._normalised(run, learning, size)
            or self._small(run, learning, steps, size, cosine)
        )
        if found is not None:
            yield found

    def _large(self, run: Run, learning: Learning, steps: Steps, size: float, cosine: float | None) -> Finding | None:
        updates = int(learning.curve.steps[-1]) + 1
        if size < self.large or updates > self.few or cosine is None or cosine < self.agreement:
            return None
        if not _holds_all(run, self.share) or steps.early() < GOOD_RATIO:
            return None
        if not learning.curve.fall > 0 or learning.remaining < self.left:
            return None
        return self.finding(
            f"a batch holds all {size:.0f} examples, so that the whole training makes only {updates} updates, and "
            f"ends at {learning.curve.end.value:.4g}",
            "Take smaller batches, shuffled: try batch_size=32; an epoch then makes more steps, nearly as good.",
            severity="error" if learning.seems == "none" else "warning",
            confidence=0.85,
            where=optimizer_place(run),
            evidence=(
                Evidence(signal="batch_size", value=size, threshold=self.large, note="the same examples every step"),
                Evidence(
                    signal="gradient_cosine",
                    value=cosine,
                    threshold=self.agreement,
                    note="successive gradients agree: fewer examples would do",
                ),
                Evidence(signal="loss", value=learning.remaining, threshold=self.left, note="share that is left"),
            ),
        )

    def _normalised(self, run: Run, learning: Learning, size: float) -> Finding | None:
        """Batch norms whose mean and deviation come from two or three examples."""
        looks: dict[str, list[BatchStatistics]] = {}
        for fact in run.facts(BatchStatistics):
            looks.setdefault(fact.where, []).append(fact)
        noise = {where: float(np.median([fact.noise for fact in seen])) for where, seen in looks.items()}
        few = {where: 0 < max(fact.values for fact in seen) < self.small for where, seen in looks.items()}
        where = max(noise, key=lambda where: (few[where], noise[where]), default=None)
        if where is None or learning.remaining < self.left or len(learning.curve) < self.few:
            return None
        if max(fact.examples for fact in looks[where]) > self.neighbours:
            return None
        if not few[where] and noise[where] < self.chance:
            return None
        values = float(looks[where][-1].values)
        proof = (values, float(self.small), "values of each channel that it is given")
        if not few[where]:
            note = "squared distance of the batch's means from the running means, over the running variance"
            proof = (noise[where], self.chance, note)
        return self.finding(
            f"{where} normalises by the mean and deviation of {size:.0f} examples: what one of them gives depends "
            f"on its chance neighbours, and the loss stays at {learning.curve.end.value:.4g}",
            "Take larger batches: try batch_size=32; or layer or group norms in place of batch norms.",
            severity="error" if learning.seems == "none" else "warning",
            confidence=0.85,
            where=replace(optimizer_place(run), module=where),
            evidence=(
                Evidence(signal=BatchStatistics.kind, value=proof[0], threshold=proof[1], note=proof[2]),
                Evidence(signal="loss", value=learning.remaining, threshold=self.left, note="share that is left"),
            ),
        )

    def _small(self, run: Run, learning: Learning, steps: Steps, size: float, cosine: float | None) -> Finding | None:
        loss = single_loss(run)
        targets = float(np.prod(loss.target.shape)) if loss and loss.target.shape else size
        if max(size, targets) > self.small or cosine is None or cosine > self.noisy or steps.late() < self.moving:
            return None
        curve = learning.curve
        stalled = not curve.trend(0.5, 1.0).falls
        if len(curve) < self.few or not stalled or learning.remaining < self.left or rate_fell_below(run, self.faded):
            return None
        return self.finding(
            f"batches of {size:.0f} leave the loss at {curve.end.value:.4g}: their noise moves the weights by "
            f"{steps.late():.1%} a step, each step another way",
            "Take larger batches: try batch_size=32; or a rate that is smaller by the same factor.",
            severity="error" if learning.seems == "none" else "warning",
            confidence=0.7,
            where=optimizer_place(run),
            evidence=(
                Evidence(signal="batch_size", value=size, threshold=self.small),
                Evidence(
                    signal="gradient_cosine", value=cosine, threshold=self.noisy, note="median of successive gradients"
                ),
                Evidence(signal="update_ratio", value=steps.late(), threshold=self.moving, note="late, typical"),
                Evidence(signal="loss", value=learning.remaining, threshold=self.left, note="share that is left"),
            ),
        )


def _holds_all(run: Run, share: float) -> bool:
    """Whether one batch holds all examples: the loader says so, or the steps looked at next met them all again."""
    loaders = run.facts(Loader)
    if loaders:
        return loaders[-1].batches == 1
    seen = run.series(signals.BATCH_SEEN_BEFORE)
    early = seen.values[1:4]
    return bool(len(early) and np.median(early) > share)

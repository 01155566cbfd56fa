"""D401: augmentation makes training examples of another kind than those that count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning
from unstuck.learning.validation import Validation
from unstuck.record import Evidence, Finding, Run, signals
from unstuck.record.facts import Association, EvaluatedAssociation, Modes, Shift
from unstuck.rules.dropout import strongest_dropout
from unstuck.rules.gates import NO_GAME, POOR, YARDSTICK, losses
from unstuck.rules.rule import Rule

__all__ = ["AugmentationHarmful"]


@dataclass(frozen=True, kw_only=True)
class AugmentationHarmful(Rule):
    """Training examples were changed until they are hard to tell, and unlike those of the evaluation.

    Detects:
        Training inputs far from evaluated ones in mean or spread, with a training that stays poor on its own
        inputs while evaluations are no worse. Or labels that nearest neighbours tell well among evaluated examples and
        badly among training ones, and that the network learnt worse than the former.

    Why it matters:
        A model spends its capacity on examples that it will never meet, or learns from noise. Augmentation should keep
        the label and stay within what the data can look like.

    Evidence:
        Distance of the mean training input from the mean evaluated one in standard deviations, ratio of their
        deviations; the training loss left; the evaluation beside it. Where the inputs of training batches
        tell nothing of their labels any more, that.

    Known false positives:
        Augmentation always makes training harder than evaluation; only a training that stays poor on inputs that moved
        far counts. Inputs that only the training normalises show as a bad evaluation with a good training: silent.
        Strong dropout explains a poor training loss too: silent where it was active.

    Try:
        Look at twenty augmented examples: could you tell their labels? Halve the strength, or leave out flips, turns
        and crops that change the meaning.

    References:
        CS231n, "Neural Networks Part 2", data augmentation; Shorten and Khoshgoftaar, "A survey on image data
        augmentation for deep learning", 2019, section on safety.
    """

    code = "D401"
    name = "augmentation harmful"
    cause = "augmentation-harmful"
    needs = (signals.LOSS, Shift)
    applies_to = (losses(50), NO_GAME, YARDSTICK, POOR)

    left: float = 0.2  #: share of the loss that must be left
    moved: float = 0.5  #: distance in deviations: half a deviation in every value (our choice)
    narrowed: float = 0.75  #: ratio of deviations: averages of two examples have 0.71
    widened: float = 1.5  #: ratio of deviations: noise as strong as the data has 1.41
    lost: float = 0.15  #: share of examples that neighbours tell, less in training than in evaluations (our choice)
    fewer: float = 0.75  #: training examples for each evaluated one, at least: the more neighbours, the more they tell
    beaten: float = 0.1  #: the same, the network in evaluations less than neighbours
    common: float = 0.8  #: share of a class above which neighbours tell it by its mere number
    dropped: float = 0.5  #: probability of dropout that explains a poor training loss; at most this is usual
    repeated: float = 0.9  #: share of the last batches met before, bit for bit: labels are noisy, nothing is augmented
    worse: float = 1.2  #: evaluation over training loss from which it is the evaluation that is off

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        shift, learning = run.fact(Shift), Learning.of(run)
        if shift is None or learning.remaining < self.left or self._drops_much(run):
            return
        unlabelled = self._destroyed(run, learning)
        if unlabelled is not None:
            yield unlabelled
            return
        moved = shift.distance > self.moved
        changed = not self.narrowed < shift.spread < self.widened
        if not (moved or changed) or not self._evaluation_holds(run, learning):
            return
        pairs = run.fact(Association)
        destroyed = pairs is not None and max(pairs.neighbours, pairs.linear) < 5.0
        how = (
            f"their mean lies {shift.distance:.2g} deviations off"
            if moved
            else f"their deviation is {shift.spread:.2g} times as large"
        )
        yield self.finding(
            f"training inputs are unlike the evaluated ones ({how}), and the model learns them poorly",
            "Look at twenty augmented training examples beside evaluated ones. Halve the strength of the augmentation, "
            "and leave out what changes the label.",
            severity="error" if learning.seems == "none" else "warning",
            confidence=0.85 if destroyed else 0.7,
            evidence=(
                Evidence(
                    signal="shift",
                    value=shift.distance if moved else shift.spread,
                    threshold=self.moved if moved else self.narrowed if shift.spread < 1 else self.widened,
                    note=f"{shift.trained} training against {shift.evaluated} evaluated inputs",
                ),
                Evidence(signal="loss", value=learning.remaining, threshold=self.left, note="share that is left"),
            ),
        )

    def _come_back(self, run: Run) -> bool:
        """Whether training examples are met again as they were, so that no augmentation took their labels away."""
        before = run.series(signals.BATCH_SEEN_BEFORE).finite().values[-5:]
        return len(before) > 0 and float(np.median(before)) > self.repeated

    def _destroyed(self, run: Run, learning: Learning) -> Finding | None:
        """Labels that belong to evaluated inputs more than to those of the training."""
        trained, evaluated = run.fact(Association), run.fact(EvaluatedAssociation)
        accuracy = Validation.of(run).accuracy
        if trained is None or evaluated is None or trained.told is None or evaluated.told is None or accuracy is None:
            return None
        if trained.examples < self.fewer * evaluated.examples:
            return None
        lost = trained.told < evaluated.told - self.lost and accuracy < evaluated.told - self.beaten
        if not lost or learning.commonest > self.common or self._come_back(run):
            return None
        return self.finding(
            "nearest neighbours tell the class of "
            f"{evaluated.told:.0%} of the evaluated examples and of {trained.told:.0%} of the training examples: "
            "augmentation takes away what the labels rest on",
            "Look at twenty augmented training examples: could you tell their labels? Leave out what changes them, such"
            " as flips of what has a direction.",
            severity="warning",
            confidence=0.85,
            evidence=(
                Evidence(
                    signal="association",
                    value=trained.told,
                    threshold=evaluated.told - self.lost,
                    note=f"told by neighbours, over {trained.examples} training and {evaluated.examples} evaluated",
                ),
                Evidence(
                    signal="validation_accuracy",
                    value=accuracy,
                    threshold=evaluated.told - self.beaten,
                    note="of the network",
                ),
            ),
        )

    def _drops_much(self, run: Run) -> bool:
        """Whether units are dropped in training with a probability that is high, or that is not known."""
        active = any(fact.dropouts_training for fact in run.facts(Modes) if fact.phase == "training")
        dropped = strongest_dropout(run)
        return active and (dropped is None or dropped[0] >= self.dropped)

    def _evaluation_holds(self, run: Run, learning: Learning) -> bool:
        """Whether evaluated examples are told no worse than training ones."""
        seen = Validation.of(run)
        if seen.loss is not None:
            return seen.loss < self.worse * learning.measured.curve.end.value
        if seen.accuracy is not None and learning.accuracy is not None:
            return seen.accuracy > learning.accuracy - 0.1
        return False

"""D203: labels do not belong to their inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning, single_loss
from unstuck.learning.evaluations import Evaluations
from unstuck.learning.validation import Validation
from unstuck.record import Evidence, Finding, NotEvaluated, Run, Where, signals
from unstuck.record.facts import Association, Inputs, Overlap, Shift, Unpaired
from unstuck.rules.gates import NO_GAME, NOT_IDS, NOT_PRETRAINED, TARGETS_STAND, YARDSTICK, losses
from unstuck.rules.rule import Rule
from unstuck.rules.unseen import reason

__all__ = ["LabelsMismatched"]

SIMPLE = ("table", "image")
"""Inputs whose neighbours have like labels, where labels have to do with them; in a sequence one entry may decide."""


@dataclass(frozen=True, kw_only=True)
class LabelsMismatched(Rule):
    """Whatever is learnt of the labels is learnt by heart: they have nothing to do with the inputs.

    Detects:
        Inputs and labels that were shuffled, sorted, filtered or joined apart, so that each label belongs to another
        example. Targets of many numbers (images, sequences, the noise of a diffusion model) that were made apart from
        their inputs, such as noise that is drawn once for the input and once more for the loss.

    Why it matters:
        No model, rate or patience helps: what can be learnt is the share of each class, and beyond it
        the single examples by heart. The loss stays near that of a constant guess, or falls on the training data alone.

    Evidence:
        Pairs of inputs and targets as training met them: whether the targets of nearest neighbours agree, and whether
        a line explains any of them, against the same for shuffled targets. Of inputs in several parts, such as a noisy
        sample and a time step, all parts count; of targets with the positions of the inputs, also what stands at the
        same position. And the training: no better than a constant guess, or evaluations that never were.

    Known false positives:
        Targets that depend on inputs too finely for neighbours and lines (parity of many bits, a rare event at any
        moment of a sequence) look unrelated too; but then it is silent as soon as the training learns them. Data of
        which augmentation has destroyed the label are left to the rule on augmentation. Targets that the model makes
        itself, and pairs of which the comparison is asked, are not judged.

    Try:
        Print ten examples with their labels right before the model. Shuffle, split and filter inputs and labels by one
        index.

    References:
        Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR 2017: networks fit random
        labels by heart; Karpathy, "A recipe for training neural networks", 2019.
    """

    code = "D203"
    name = "labels mismatched"
    cause = "labels-mismatched"
    needs = (signals.LOSS,)
    applies_to = (losses(20), NO_GAME, YARDSTICK, NOT_IDS, NOT_PRETRAINED, TARGETS_STAND)

    chance: float = (
        5.0  #: standard deviations that shuffled targets stay below (measured: 5.3); real data have 15 to 200
    )
    many: int = 300  #: distinct pairs from which that is nearly certain (our choice)
    others: int = 50  #: examples of other classes than the commonest, below which their neighbours tell nothing
    common: float = 0.8  #: share of a class of sequences, above which the others are too rare to be neighbours
    moved: float = 0.5  #: distance of evaluated inputs in deviations from which augmentation may explain all
    spread: float = 1.5  #: factor between their deviations, likewise

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        learning, inputs = Learning.of(run), run.facts(Inputs)[-1:]
        at_chance = _evaluated_at_chance(run, learning)
        pairs = run.fact(Association)
        if pairs is None:
            yield NotEvaluated(reason=_why_unknown(run))
            return
        measured = at_chance is not None or pairs.numbers == 1  # else a pass without gradients may draw samples
        if at_chance == 0 or (measured and self._augmented(run)):
            return
        if pairs.numbers > 1 and not TARGETS_STAND.admits(run):
            yield NotEvaluated(reason=TARGETS_STAND.reason)
            return
        if pairs.examples * (1.0 - learning.commonest) < self.others:
            yield NotEvaluated(reason="too few examples of any but the commonest class were met to tell")
            return
        simple = all(fact.kind_of in SIMPLE for fact in inputs)
        if not simple and learning.commonest > self.common:
            return
        by_heart = learning.seems == "partial" and at_chance is None and pairs.numbers == 1
        lost = learning.seems == "none" or by_heart
        if max(pairs.neighbours, pairs.linear) < self.chance and (lost or at_chance):
            doubtful = not simple or (pairs.parts > 1 and pairs.numbers == 1)
            yield self._report(run, learning, at_chance, pairs, confidence=0.7 if doubtful else 0.9)

    def _augmented(self, run: Run) -> bool:
        shift = run.fact(Shift)
        return shift is not None and (shift.distance > self.moved or not 1 / self.spread < shift.spread < self.spread)

    def _report(
        self, run: Run, learning: Learning, at_chance: int | None, pairs: Association, *, confidence: float
    ) -> Finding:
        note = f"agreement of neighbours and with a line, over {pairs.examples} pairs; shuffled labels scatter by 1"
        proofs = [
            Evidence(signal="association", value=max(pairs.neighbours, pairs.linear), threshold=self.chance, note=note),
            Evidence(
                signal="loss",
                value=learning.curve.end.value,
                threshold=learning.reference,
                note="training, against the constant guess",
            ),
        ]
        if at_chance:
            proofs.append(Evidence(signal="validation", value=at_chance, note="evaluations, none better than chance"))
        loss = single_loss(run)
        called = "labels" if pairs.numbers == 1 else "targets"
        drawn = (
            " Noise that is added to an input and asked for by the loss must be one draw." if called != "labels" else ""
        )
        return self.finding(
            f"the {called} have nothing to do with the inputs that they stand beside",
            f"Print ten examples with their {called} right before the model; shuffle, sort, split and filter inputs "
            f"and {called} by one and the same index." + drawn * (pairs.numbers > 1),
            severity="error",
            confidence=confidence if pairs.examples >= self.many else min(confidence, 0.75),
            where=Where(file=loss.file, line=loss.line) if loss else None,
            evidence=tuple(proofs),
        )


def _why_unknown(run: Run) -> str:
    """Why inputs and targets were not compared."""
    unpaired = run.fact(Unpaired)
    return unpaired.reason if unpaired else reason(run, Association)


def _evaluated_at_chance(run: Run, learning: Learning) -> int | None:
    """How many evaluations there are where all are at chance, 0 where one is better, None where there are none."""
    evaluations = Evaluations.of(run)
    accuracy, loss = evaluations.accuracies.finite().values, Validation.losses(run).values
    if len(accuracy) and learning.commonest:
        overlap = run.fact(Overlap)
        examples = max(overlap.evaluated if overlap else 0, 50)
        bound = learning.commonest + 4.0 * np.sqrt(learning.commonest * (1.0 - learning.commonest) / examples)
        return len(accuracy) if float(accuracy.max()) < bound else 0
    if len(loss) and learning.guess is not None:
        return len(loss) if float(loss.min()) > 0.95 * learning.guess else 0
    return None

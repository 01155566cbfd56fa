"""D204: rare classes are ignored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.learning import seen_late
from unstuck.learning.loss_call import weighs_examples
from unstuck.record import Evidence, Finding, Run, Severity, signals
from unstuck.record.facts import Association, Loss
from unstuck.rules.calls import call_place, loss_calls
from unstuck.rules.rule import Gate, Rule

__all__ = ["ClassImbalance"]

LOSSES = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")

BEGUN = 0.3
"""Share of the training until which any class may be told wrongly (our choice)."""


def _one_classification(run: Run) -> bool:
    calls = loss_calls(run)
    return len(calls) == 1 and calls[0].function in LOSSES and len(calls[0].classes.recalls) > 1


def _answered_late(run: Run) -> bool:
    sampled = run.table(signals.WEIGHT_NORM).steps
    return not len(sampled) or seen_late(run, sampled, share=BEGUN)


def _weighed_alike(run: Run) -> bool:
    return not weighs_examples(run)


ONE_CLASSIFICATION = Gate(
    "no single classification loss was seen, or no answers could be compared", _one_classification
)

ANSWERED_LATE = Gate("answers were seen at the beginning alone", _answered_late)

WEIGHED_ALIKE = Gate("the program weighs or picks the examples' losses itself", _weighed_alike)


@dataclass(frozen=True, kw_only=True)
class ClassImbalance(Rule):
    """One class is so frequent that the loss is won by never naming the others.

    Detects:
        A classification in which one class has most of the examples, without weights in the loss, and in which the rare
        classes are hardly ever told rightly at the end of the training, while the frequent one is.

    Why it matters:
        With one positive in fifty, 98% of the answers are right if all are no. The gradient of the rare class is the
        sum over few examples, and training ends before it counts; the accuracy looks splendid throughout.

    Evidence:
        The frequency of each class at the call of the loss; the share of each class's examples that were told rightly
        in the last part of the training, with its sampling error.

    Known false positives:
        Where a class has one example in ten and the inputs hardly tell it, as of clicks or defaults, the best model
        names it seldom, and its probabilities are right: a note, unless nearest neighbours show that it can be told.
        Rare classes that are learnt all the same, weights in the loss and balanced sampling are silent. So are tasks
        with very many classes, such as words, where rare ones are naturally hard, and several examples' answers in one.

    Try:
        Weigh the loss by inverse frequency (``weight=`` or ``pos_weight=``), or draw balanced batches
        (``WeightedRandomSampler``); judge by balanced accuracy or by precision and recall, and move the threshold.

    References:
        He and Garcia, "Learning from imbalanced data", IEEE TKDE 2009; Buda, Maki and Mazurowski, "A systematic study
        of the class imbalance problem in convolutional neural networks", Neural Networks 2018.
    """

    code = "D204"
    name = "class imbalance"
    cause = "class-imbalance"
    needs = (Loss,)
    applies_to = (ONE_CLASSIFICATION, ANSWERED_LATE, WEIGHED_ALIKE)

    majority: float = 0.8  #: share of the commonest class from which it alone makes a high accuracy (our choice)
    rare: float = 0.12  #: share of a class that counts as rare beside it (our choice: one in eight)
    seldom: float = 0.05  #: share of all rare classes; of more, a model may be right to name none (our choice)
    separable: float = 0.1  #: share of the targets' variance that nearest neighbours explain (our choice)
    recall: float = 0.6  #: rare examples told rightly, at most, sampling error added; half right is not ignored
    ignored: float = 0.1  #: recall of a class that is as good as never named
    common: float = 0.9  #: recall of the frequent class, below which the fault is not that it wins
    classes: int = 20  #: classes above which rare ones are naturally hard (our choice)
    examples: float = 4.0  #: rare examples seen in the last part of the training, fading ones counted in part

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        (call,) = loss_calls(run)
        recalls, weights = np.array(call.classes.recalls), np.array(call.classes.recall_examples)
        shares = _shares(call)
        if shares is None or call.weighted or len(shares) > self.classes:
            return
        dense = len(call.target.shape) > 2
        if not dense and not self._one_answer_each(call):
            return
        top = int(np.argmax(shares))
        rare = (shares < self.rare) & (shares > 0) & (np.arange(len(shares)) != top) & np.isfinite(recalls)
        if shares[top] < self.majority or not rare.any() or not recalls[top] >= self.common:
            return
        seen = float(weights[rare].sum())
        right = float((recalls[rare] * weights[rare]).sum()) / seen if seen else 0.0
        if dense and (right > self.ignored or seen < 10 * self.examples):
            return  # pixels of one object hang together, and their edges are missed first
        if seen < self.examples or right + math.sqrt(max(right * (1 - right), 0.05) / seen) > self.recall:
            return
        pairs = run.fact(Association)
        separable = pairs is not None and pairs.explained > self.separable
        doubtful = not separable and float(shares[rare].sum()) > self.seldom
        yield self._report(call, shares, rare, right, seen, doubtful=doubtful)

    def _one_answer_each(self, call: Loss) -> bool:
        """Whether each example has one answer: not each pixel, word or label of many."""
        return len(call.target.shape) == 1 or (len(call.target.shape) == 2 and call.target.shape[1] == 1)

    def _report(
        self,
        call: Loss,
        shares: NDArray[np.float64],
        rare: NDArray[np.bool_],
        right: float,
        seen: float,
        *,
        doubtful: bool,
    ) -> Finding:
        severity: Severity = "note" if doubtful else "error" if right < self.ignored else "warning"
        share = float(shares[rare].sum())
        top = int(np.argmax(shares))
        names = ", ".join(str(int(position)) for position in np.flatnonzero(rare)[:5])
        weight = (1 - share) / share
        how = (
            f"pos_weight={weight:.3g}"
            if call.function == "binary_cross_entropy_with_logits"
            else "weight=1 / frequency"
        )
        return self.finding(
            f"class {top} has {shares[top]:.1%} of the examples, and of the rare ones ({names}: {share:.1%}) "
            f"only {right:.0%} are told rightly",
            f"Weigh the loss ({how}) or draw balanced batches (WeightedRandomSampler), and judge by balanced accuracy.",
            severity=severity,
            confidence=0.5 if doubtful else 0.9 if right < self.ignored else 0.65,
            where=call_place(call),
            evidence=(
                Evidence(
                    signal="class_recalls",
                    value=right,
                    threshold=self.recall,
                    note=f"rare examples told rightly, of {seen:.0f}",
                ),
                Evidence(
                    signal="class_counts",
                    value=float(shares[top]),
                    threshold=self.majority,
                    note="share of the commonest",
                ),
            ),
        )


def _shares(call: Loss) -> NDArray[np.float64] | None:
    if len(call.classes.counts) == len(call.classes.recalls):
        counts = np.array(call.classes.counts, dtype=np.float64)
        return counts / counts.sum() if counts.sum() else None
    if len(call.classes.recalls) == 2 and call.target.mean is not None:
        return np.array([1.0 - call.target.mean, call.target.mean])
    return None

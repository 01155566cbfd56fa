"""D303: validation examples are also trained on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning.policies import acts
from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import Bootstrap, Inputs, Overlap
from unstuck.rules.gates import NOT_IDS, SCORED_WHOLE
from unstuck.rules.rule import Gate, Rule

__all__ = ["SplitLeak"]

FIRST = 3
"""Steps within which no epoch worth the name ends."""


@dataclass(frozen=True, kw_only=True)
class SplitLeak(Rule):
    """Examples that validate were trained on, so that validation tells nothing about new ones.

    Detects:
        Evaluated examples that batches of the training held bit for bit: a slice of the training data taken for
        validation, copies made before the split (oversampling, augmentation, windows), a split made twice.

    Why it matters:
        The validation loss then measures memory. Stopping, choosing a rate and comparing models all go by it, and the
        failure shows only in use.

    Evidence:
        The examples of evaluations and of training batches, told apart by a signature of their values.

    Known false positives:
        An evaluation of the training set itself, or of a part of it, is no leak: it is not counted beside one of fresh
        examples, nor where nothing in the script calls it validation or test. Data with few distinct values, such as
        bits, words and drawings, repeat by chance: where their first training batches repeat one another, and for
        sequences of ids, it is silent; of other data, where they do so as often. Where the loss takes only some rows of
        the output, as on a graph whose nodes a mask splits, what enters the model does not tell what was trained on.
        Where targets are made of a network's outputs, or actions are drawn from them, states pass it without gradients
        to value them or to act.

    Try:
        Split first, by person or by source where examples are related, then oversample, augment or cut windows, on the
        training part alone.

    References:
        Kaufman, Rosset and Perlich, "Leakage in data mining", KDD 2011; Kapoor and Narayanan, "Leakage and the
        reproducibility crisis in machine-learning-based science", Patterns 2023.
    """

    code = "D303"
    name = "validation data in training"
    cause = "split-leak"
    needs = (Overlap,)
    applies_to = (
        Gate(Overlap.missing, lambda run: any(fact.evaluated for fact in run.facts(Overlap)[-1:])),
        Gate("sequences of ids repeat by chance", NOT_IDS.admits),
        SCORED_WHOLE,
        Gate("passes without gradients make the targets", lambda run: not run.facts(Bootstrap)),
        Gate("passes without gradients choose actions", lambda run: not acts(run)),
    )

    few: int = 10  #: shared examples below which they may be duplicates that every collection has
    share: float = 0.05  #: shared examples of all evaluated; near-duplicates in image sets are 3% to 10%, not exact
    chance: float = 2.0  #: shared examples over those that the first training batches repeat (our choice)
    split: int = 200  #: training examples from which a set that is not split at all is no toy (our choice)
    levels: int = 16  #: distinct values of a feature up to which examples can be equal by chance (our choice)
    inside: float = (
        0.85  #: share over that of training examples met, from which all may be training examples (our choice)
    )
    certain: float = 0.2  #: share beyond doubt; repeated sentences and rows of public collections reach a tenth

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        fact = run.fact(Overlap)
        if fact is None:
            return
        share = fact.seen_in_training / fact.evaluated
        discrete = any((inputs.levels or math.inf) <= self.levels for inputs in run.facts(Inputs)[-1:])
        if discrete and self._repeated(run, before=self._half_an_epoch(run, fact)) > 0:
            return
        by_chance = self.chance * self._repeated(run, before=FIRST)
        if fact.seen_in_training < self.few or share < max(self.share, by_chance):
            return
        inside = share > self.inside * self._met(run)
        unsplit = share > 0.95 and fact.evaluated >= 0.8 * fact.trained
        if fact.purpose == "training" or (inside and not fact.purpose) or (unsplit and fact.trained < self.split):
            return
        sure = share > self.certain and (share < 0.95 or fact.purpose == "validation") and not unsplit
        severity: Severity = "error" if sure else "warning" if share > self.certain else "note"
        yield self.finding(
            f"{fact.seen_in_training} of {fact.evaluated} evaluated examples ({share:.0%}) were also trained on",
            "Split before anything else, and give the training loader the training part alone; oversample and augment "
            "after the split.",
            severity=severity,
            confidence=0.93 if sure else 0.65,
            where=Where(file=fact.file, line=fact.line),
            evidence=(
                Evidence(
                    signal="overlap",
                    value=share,
                    threshold=self.share,
                    note="share of the evaluated examples that were trained on, at least",
                ),
            ),
        )

    def _met(self, run: Run) -> float:
        """How much of the training set has been met, as the last training batches show: not all of it is looked at."""
        before = run.series(signals.BATCH_SEEN_BEFORE)
        return float(np.mean(before.values[-5:])) if len(before) >= 10 else 1.0

    def _repeated(self, run: Run, *, before: float) -> float:
        """Repetitions among the first training batches, which come from few distinct values or few examples."""
        met = run.series(signals.BATCH_SEEN_BEFORE)
        first = met.values[met.steps < before]
        return float(np.mean(first)) if len(first) else 0.0

    def _half_an_epoch(self, run: Run, fact: Overlap) -> float:
        """Steps that certainly belong to the first epoch: of the examples that were met, half."""
        sizes = run.series(signals.BATCH_SIZE).finite().values
        return max(FIRST, fact.trained / float(np.median(sizes)) / 2) if len(sizes) else FIRST

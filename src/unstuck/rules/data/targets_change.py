"""D210: the same sequence is given another target each time that it comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.record import Finding, Run
from unstuck.record.facts import TargetsAgain
from unstuck.rules.calls import outcome_of
from unstuck.rules.gates import NO_GAME, TARGETS_STAND, losses
from unstuck.rules.rule import Rule

__all__ = ["TargetsChange"]


@dataclass(frozen=True, kw_only=True)
class TargetsChange(Rule):
    r"""Sequences that come again have other targets than before, as if these were drawn.

    Detects:
        Batches whose sequences are sorted, filtered or padded in lists or arrays, and whose labels are not; labels that
        are shuffled by themselves in every epoch.

    Why it matters:
        Nothing raises, and the loss stays where a guess has it: each example stands beside the label of another one,
        and beside that of yet another in the next epoch, so that not even learning by heart helps.

    Evidence:
        Of the sequences that come again in sampled steps, the share whose target is that of the first time, against
        the share :math:`\sum_c p_c^2` by which two targets agree by chance.

    Known false positives:
        Targets that are drawn on purpose, such as actions of a policy, for inputs that come again. Programs in which
        targets move, and trainings that learn, are left alone; so are targets that are ids of the same vocabulary, such
        as the next token, of which several may follow.

    Try:
        Sort, filter and shuffle labels along with their sequences, by one index; or let the packing do it:
        ``pack_padded_sequence(..., enforce_sorted=False)``.

    References:
        Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR 2017: even random labels
        are learnt by heart, if they stay.
    """

    code = "D210"
    name = "targets change"
    cause = "labels-mismatched"
    needs = (TargetsAgain,)
    applies_to = (losses(20), NO_GAME, TARGETS_STAND)

    fewest: int = 20  #: sequences that came again, from which agreement is told from chance (our choice)
    beyond: float = 0.2  #: share of the agreement beyond chance; labels of their examples have nearly all of it
    deviations: float = 3.0  #: standard errors by which it must be below half of that

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        fact = next(iter(run.facts(TargetsAgain)[-1:]), None)
        if fact is None or fact.again < self.fewest or fact.chance >= 1.0 or outcome_of(run) == "good":
            return
        beyond = (fact.same - fact.chance) / (1.0 - fact.chance)
        error = np.sqrt(max(fact.chance * (1.0 - fact.chance), 0.01) / fact.again) / (1.0 - fact.chance)
        if beyond >= self.beyond or beyond + self.deviations * error >= 0.5 + self.beyond:
            return
        order = (
            " The sequences of each batch come sorted by length: sort the labels by the same order, labels[order], or "
            "use pack_padded_sequence(..., enforce_sorted=False)."
            if fact.by_length > 0.9
            else ""
        )
        yield self.about(
            fact,
            "the same sequence is given another target when it comes again: inputs and targets of a batch are not of "
            "the same examples",
            f"Print a sequence with its label in two epochs; sort, filter and shuffle both by one index.{order}",
            value=fact.same,
            threshold=fact.chance,
            note=f"share of {fact.again} sequences that came again with the target of the first time, against chance",
            severity="warning" if outcome_of(run) == "unknown" else "error",
            confidence=0.92,
        )

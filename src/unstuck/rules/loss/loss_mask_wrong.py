"""L501: the loss scores padding or the prompt, and not the tokens that it should."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, NotEvaluated, Run, Severity
from unstuck.record.facts import ScoredPositions
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["LossMaskWrong"]


@dataclass(frozen=True, kw_only=True)
class LossMaskWrong(Rule):
    """The mask of a loss over positions is inverted, missing or misplaced.

    Detects:
        A loss that scores padding and no real token; one of which most of what it scores is padding; one that scores
        the beginning of each sequence (its prompt) and leaves out the rest of it (the answer); an ``ignore_index`` that
        is a class.

    Why it matters:
        Padding is predicted rightly after a few steps. Where it is most of the loss, the loss falls, accuracy is high,
        and little is learnt of the tokens. Where the mask is inverted, nothing is.

    Evidence:
        Positions are scored at which the gradient of the loss with respect to its outputs is not zero, whether others
        were left out by ``ignore_index``, by a factor, or by picking. Padding is the id that the embedding was given as
        ``padding_idx``, or the one that fills up sequences of several lengths.

    Known false positives:
        An id that fills the ends of sequences and is to be learnt, such as silence. Where padding is less than most of
        the loss, nothing is said of a training that learns well.

    Try:
        ``cross_entropy(..., ignore_index=PAD)``, or labels of -100 where a token is padding or belongs to the prompt.

    References:
        PyTorch documentation, nn.CrossEntropyLoss (ignore_index): the mean is taken over targets that are not ignored.
    """

    code = "L501"
    name = "loss mask wrong"
    cause = "mask-wrong"
    needs = (ScoredPositions,)

    hardly: float = 0.05  #: share of the real targets that counts as none of them (our choice)
    mostly: float = 0.5  #: share of what is scored that is padding: the loss is then one of padding
    some: float = 0.3  #: the same where learning does not go well (our choice)
    ids: int = 5  #: ids of the input at which a class is left out, below which these may be marks
    nearly: float = 0.9  #: share of the sequences of which a beginning alone is scored (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        known = run.facts(ScoredPositions)
        if not known:
            return
        fact = max(known, key=lambda one: (one.scored_padding, one.leading))
        severity: Severity = "error"
        if fact.scored_real <= self.hardly and fact.scored_padding >= self.mostly:
            what = "the mask of the loss is inverted: it scores padding, and no real token"
            advice = "Invert it: labels[ids == PAD] = -100, or loss * (ids != PAD)."
            confidence = 0.95
        elif fact.ignored is not None and fact.ignored_real >= self.hardly and fact.ignored_ids >= self.ids:
            what = (
                f"the loss leaves out class {fact.ignored} (ignore_index) where tokens stand: {fact.ignored_real:.0%} "
                "of the targets of real tokens are of it, and the model never learns to give it"
            )
            advice = (
                "Let padding have an id that no class has: ignore_index=-100, and pad_sequence(labels, "
                "padding_value=-100)."
            )
            severity, confidence = "warning", 0.8
        elif fact.leading >= self.nearly:
            what = "the loss scores the beginning of each sequence and leaves out the rest: the answer is not learnt"
            advice = (
                "If the beginning is a prompt, leave that out, and score what comes behind: labels[:, :prompt] = -100."
            )
            confidence = 0.75
        elif fact.scored_padding >= (self.some if outcome_of(run) != "good" else self.mostly):
            what = f"{fact.scored_padding:.0%} of what the loss scores is padding"
            advice = (
                "Leave padding out: cross_entropy(..., ignore_index=PAD), or labels[ids == PAD] = -100; of a loss with "
                "reduction='none' take (loss * mask).sum() / mask.sum()."
            )
            severity, confidence = "warning", 0.8
        else:
            return
        yield self.about(
            fact,
            what,
            advice,
            value=fact.scored_padding,
            threshold=self.mostly,
            note=f"share of padding in what is scored; {fact.scored_real:.0%} of the real targets are scored",
            severity=severity,
            confidence=confidence,
        )

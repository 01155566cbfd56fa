"""M304: an output rests on padding: it is the last state of a recurrence, or an average, over padded positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, NotEvaluated, Run
from unstuck.record.facts import SequenceReach
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["PaddingRead"]


@dataclass(frozen=True, kw_only=True)
class PaddingRead(Rule):
    """Most of what an output depends on is padding.

    Detects:
        A classifier that takes the last state of a recurrence which has run through padding behind the sequence, or
        that averages over all positions of which most are padding, in a training that does not learn well.

    Why it matters:
        A recurrence forgets the sequence while it reads padding: after some twenty positions nothing of it is left. An
        average is diluted by whatever the vector of padding is, the more the shorter the sequence.

    Evidence:
        One extra backward pass from the outputs to the vectors of the ids: the share of the squared gradient that
        belongs to padding, which is the id that the embedding was given as ``padding_idx`` or the one that fills up
        sequences of several lengths.

    Known false positives:
        Nothing is said where learning goes well: a large model finds its way around some padding. Vectors of padding
        that are zero dilute an average and add nothing to it; then only a last state is reported.

    Try:
        ``pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)`` and the state that it ends with, or
        the output at ``lengths - 1``; an average over real positions, ``(h * mask).sum(1) / mask.sum(1)``.

    References:
        PyTorch documentation, nn.utils.rnn.pack_padded_sequence.
    """

    code = "M304"
    name = "padding read"
    cause = "mask-wrong"
    needs = (SequenceReach,)

    last: float = (
        0.9  #: share of the squared gradient on padding of a state behind it (an average has that of the padding)
    )
    averaged: float = 0.5  #: the same of an average that is mostly padding (our choice)
    padding: float = 0.2  #: share of the positions that are padding, below which it does no harm (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        known = [fact for fact in run.facts(SequenceReach) if fact.padding is not None]
        if not known:
            yield NotEvaluated(reason="no padding was recognised in the sequences")
            return
        if outcome_of(run) == "good":
            return
        fact = max(known, key=lambda one: one.on_padding or 0.0)
        share = (fact.on_padding or 0.0) ** 2
        if (fact.padding or 0.0) < self.padding or share < (self.last if fact.blank else self.averaged):
            return
        last = share >= max(self.last, (fact.padding or 0.0) + (1.0 - (fact.padding or 0.0)) / 2)
        yield self.about(
            fact,
            f"{share:.0%} of what outputs depend on is padding, which {fact.padding:.0%} of the positions are: "
            + ("the state behind the padding is taken for the last one" if last else "padding is averaged in"),
            "Pack the sequences (pack_padded_sequence, with lengths and enforce_sorted=False) and take the state that "
            "the recurrence ends with, or the output at position lengths - 1."
            if last
            else "Average over real positions: (h * mask).sum(1) / mask.sum(1) with mask = (ids != PAD).unsqueeze(-1), "
            "and give attention the mask of padding.",
            value=share,
            threshold=self.averaged,
            note="share of the squared gradient of outputs, with respect to the vectors of ids, on padding",
            severity="error" if last else "warning",
            confidence=0.88 if last else 0.65,
        )

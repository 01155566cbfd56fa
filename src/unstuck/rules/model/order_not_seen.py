"""M305: attention treats all positions of a sequence alike: what stands where is not known to the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, NotEvaluated, Run
from unstuck.record.facts import AttentionCall, SequenceReach
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["OrderNotSeen"]


@dataclass(frozen=True, kw_only=True)
class OrderNotSeen(Rule):
    """A model of sequences knows nothing of the order of its inputs, and does not learn.

    Detects:
        Vectors of ids that go through attention without any position: no table of positions, no waves, no rotation, no
        bias by distance, no causal mask, no recurrence and no convolution.

    Why it matters:
        Attention is a function of a set. Without positions, sentences of the same words are one sentence, and of two
        equal tokens each gets the output of the other.

    Evidence:
        Each operation between the vectors and the outputs does the same at all positions, and its other operands have
        no axis of positions: exchanging the inputs exchanges the outputs and changes nothing else.

    Known false positives:
        Sets and bags of words, whose order says nothing: with one output for an example, nothing is said unless nothing
        is learnt.

    Try:
        ``nn.Embedding(length, width)`` of the positions added to the vectors, or sines and cosines of them.

    References:
        Vaswani et al., "Attention is all you need", 2017, section 3.5; Zaheer et al., "Deep sets", 2017.
    """

    code = "M305"
    name = "order not seen"
    cause = "capacity-too-small"
    needs = (SequenceReach,)

    fewest: int = 3  #: positions of a sequence, of fewer the order says little (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        known = [fact for fact in run.facts(SequenceReach) if fact.length >= self.fewest]
        if not known:
            yield NotEvaluated(reason="no sequence of ids of some length was seen")
            return
        fact, calls = known[0], run.facts(AttentionCall)
        alike = bool(calls) and not any(call.by_query for call in calls) and all(one.alike for one in known)
        if not alike or outcome_of(run) not in (("none", "partial") if fact.each else ("none",)):
            return
        yield self.about(
            fact,
            "attention treats all positions alike: the model does not know in which order its inputs stand",
            "Add positions to the vectors of the ids: x = token(ids) + place(torch.arange(ids.shape[1])), with "
            "place = nn.Embedding(longest, width).",
            value=float(fact.length),
            threshold=float(self.fewest),
            note="positions of a sequence; no operation between their vectors and the outputs tells them apart",
            severity="warning",
            confidence=0.7,
        )

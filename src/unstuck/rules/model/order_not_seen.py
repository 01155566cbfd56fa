"""M305: attention treats all positions of a sequence alike: what stands where is not known to the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unstuck.record import Finding, NotEvaluated, Run
from unstuck.record.facts import AttentionCall, EqualPositions, SequenceReach
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["OrderNotSeen"]


@dataclass(frozen=True, kw_only=True)
class OrderNotSeen(Rule):
    """A model of sequences knows nothing of the order of its inputs, and does not learn.

    Detects:
        Vectors of ids that go through attention without any position: no table of positions, no waves, no rotation, no
        bias by distance, no causal mask, no recurrence and no convolution. A table of positions of which each position
        gets the same row, as by ids that are all zero.

    Why it matters:
        Attention is a function of a set. Without positions, sentences of the same words are one sentence, and of two
        equal tokens each gets the output of the other.

    Evidence:
        Each operation between the vectors and the outputs does the same at all positions, and its other operands have
        no axis of positions, or the same values along it: exchanging the inputs exchanges the outputs and changes
        nothing else. Of a table with as many rows as there are positions, one is looked up at all of them.

    Known false positives:
        Sets and bags of words, whose order says nothing: with one output for an example, nothing is said unless nothing
        is learnt. A table of kinds of tokens, or of languages, of which a data set has one: where learning goes well,
        one row for all positions is a note.

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
        lengths = {one.length for one in known}
        tables = ((length, one) for one in run.facts(EqualPositions) for length in one.lengths)
        length, table = next((pair for pair in tables if pair[0] in lengths and pair[0] <= pair[1].rows), (0, None))
        alike, outcome = self._alike(run, known), outcome_of(run)
        if table is not None:
            yield self._one_row(table, length, harmful=outcome in ("none", "partial"))
        elif alike and outcome in (("none", "partial") if known[0].each else ("none",)):
            yield self._no_positions(known[0])
        elif alike:
            yield NotEvaluated(reason="nothing tells positions apart, and whether the task needs it is not known")

    def _alike(self, run: Run, known: Sequence[SequenceReach]) -> bool:
        """Whether nothing tells positions apart, asked once weights that were equal at first have moved."""
        calls = run.facts(AttentionCall)
        moved = [one for one in known if one.step] or known
        return bool(calls) and not any(call.by_query for call in calls) and all(one.alike for one in moved)

    def _one_row(self, table: EqualPositions, length: int, *, harmful: bool) -> Finding:
        return self.about(
            table,
            f"all {length} positions of a sequence get the same row of a table of {table.rows}: what stands "
            "where is not said",
            "Look up the places, and not zeros or one number: place(torch.arange(ids.shape[1])), each its own row.",
            value=float(table.rows),
            threshold=float(length),
            note="rows of the table, against positions of a sequence; one of them is looked up, at all positions",
            severity="warning" if harmful else "note",
            confidence=0.85 if harmful else 0.6,
        )

    def _no_positions(self, fact: SequenceReach) -> Finding:
        return self.about(
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

"""M306: the heads of an attention look at each other, and no position looks at another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import AttentionCall
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["HeadsAttended"]


@dataclass(frozen=True, kw_only=True)
class HeadsAttended(Rule):
    """Attention runs over the heads of each position, because heads and positions were not exchanged before it.

    Detects:
        Queries of shape (N, T, H, D), made by splitting the features of each position into heads, that go into
        attention as they are. It runs over the last axis but one, which should count positions: (N, H, T, D).

    Why it matters:
        All shapes agree, and nothing raises. But no position sees another one, so that whatever has to be found
        elsewhere in the sequence cannot be learnt; a causal mask hides some heads from others.

    Evidence:
        The way of the queries through the graph: their last axis but one comes of the axis of features.

    Known false positives:
        Attention over parts of the features of one position on purpose. Where learning goes well, it is a note.

    Try:
        ``q = q.view(N, T, H, D).transpose(1, 2)``, the same for keys and values, and ``y.transpose(1, 2)`` before the
        heads are joined again.

    References:
        Vaswani et al., "Attention is all you need", 2017, section 3.2.2; PyTorch documentation,
        scaled_dot_product_attention (shapes).
    """

    code = "M306"
    name = "heads attended"
    cause = "wrong-axis"
    needs = (AttentionCall,)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        call = next((call for call in run.facts(AttentionCall) if call.of_heads), None)
        if call is None:
            return
        yield self.about(
            call,
            f"attention runs over the {call.queries} heads of each position, and no position looks at another",
            "Exchange heads and positions before it: q.view(N, T, heads, -1).transpose(1, 2), the same for keys and "
            "values, and back by y.transpose(1, 2) before the heads are joined.",
            value=float(call.queries),
            threshold=0.0,
            note="queries of one position, an axis that was split off its features",
            severity="note" if outcome_of(run) == "good" else "error",
            confidence=0.92,
        )

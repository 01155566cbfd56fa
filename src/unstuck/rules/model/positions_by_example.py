"""M308: a table of positions is added along the axis of examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import AddedTable, AttentionCall, Recurrence
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["PositionsByExample"]


@dataclass(frozen=True, kw_only=True)
class PositionsByExample(Rule):
    """All positions of an example get the same row of a table, and each example another one.

    Detects:
        A positional encoding written for (positions, examples, features), ``x + pe[:x.size(0)]``, in a model whose
        batches come with examples first.

    Why it matters:
        Nothing raises, for the shapes broadcast. Positions are not told apart, so that the order of the inputs is
        lost; what tells examples apart in their place is where they stand in the batch, which means nothing.

    Evidence:
        The shapes of the sum, that its rows are of a buffer or parameter of the module, and the axis over which
        attention looks.

    Known false positives:
        None known: what belongs to a place in the batch belongs to no example.

    Try:
        ``x + pe[:, :x.size(1)]`` with a table of shape (1, longest, features).

    References:
        PyTorch tutorial, "Language modeling with nn.Transformer": its encoding is for batches with positions first.
    """

    code = "M308"
    name = "positions by example"
    cause = "wrong-axis"
    needs = (AddedTable,)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        lengths = {call.queries for call in run.facts(AttentionCall) if not call.of_heads}
        layers = [layer for layer in run.facts(Recurrence) if layer.type == "MultiheadAttention"]
        lengths |= {layer.shape[1 if layer.batch_first else 0] for layer in layers}
        fact = next((one for one in run.facts(AddedTable) if one.positions in lengths), None)
        if fact is None or fact.examples in lengths:
            return
        yield self.about(
            fact,
            f"row i of a table of positions is added to example i, for all of its {fact.positions} positions: the "
            "order of the inputs is not seen",
            "Take as many rows as there are positions, and add them along their axis: x + pe[:, :x.size(1)], with pe "
            "of shape (1, longest, features).",
            value=float(fact.examples),
            threshold=float(fact.positions),
            note="rows that were added, against positions of a sequence",
            severity="warning" if outcome_of(run) == "good" else "error",
            confidence=0.92,
        )

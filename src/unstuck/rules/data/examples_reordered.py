"""D208: the examples of a batch are sorted, and their targets are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import ExampleOrder
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["ExamplesReordered"]


@dataclass(frozen=True, kw_only=True)
class ExamplesReordered(Rule):
    """Each output is compared with the target of another example, because only one of both was put in another order.

    Detects:
        Sequences that are sorted by their lengths, as packing wants them, and labels that stay where they were; outputs
        that are not put back, or are put back by the order itself in place of its inverse.

    Why it matters:
        Nothing raises, and the loss stays where a guess has it: whatever is learnt of the labels is learnt by heart.

    Evidence:
        Calls that put the entries of a tensor in another order, such as x[order], within a step, and one extra backward
        pass from the output of one example to the batch: from where it came, and from where its target did.

    Known false positives:
        Targets that are made from the sorted inputs belong to them, though nobody sorts them: the model learns then,
        and nothing is said.

    Try:
        Sort labels along with the sequences: ``labels = labels[order]``; or let the packing do it, and undo it:
        ``pack_padded_sequence(..., enforce_sorted=False)``. Outputs go back by ``outputs[order.argsort()]``.

    References:
        PyTorch documentation, nn.utils.rnn.pack_padded_sequence (enforce_sorted).
    """

    code = "D208"
    name = "examples reordered"
    cause = "labels-mismatched"
    needs = (ExampleOrder,)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        fact = next((fact for fact in run.facts(ExampleOrder) if fact.output != fact.target), None)
        if fact is None or outcome_of(run) == "good":
            return
        yield self.about(
            fact,
            "the examples of a batch are put in another order here, and their targets are not: each output is compared "
            "with the target of another example",
            "Put the targets in the same order, labels = labels[order], or the outputs back, outputs[order.argsort()]; "
            "pack_padded_sequence(..., enforce_sorted=False) does both by itself.",
            value=float(fact.output),
            threshold=float(fact.target),
            note=f"where the example stood that an output in the middle of {fact.examples} depends on, against where "
            "its target did",
            severity="warning" if outcome_of(run) == "unknown" else "error",
            confidence=0.92,
        )

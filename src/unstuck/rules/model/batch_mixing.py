"""M301: an example's output depends on the other examples of its batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Severity, Where
from unstuck.record.facts import BatchMixing as Mixed
from unstuck.record.facts import Inputs, Loss, Model, Recurrence, Reinterpretation, Softmax
from unstuck.rules.calls import loss_calls, outcome_of
from unstuck.rules.rule import Rule

__all__ = ["BatchMixing"]


ADVICE = (
    "Look for a view or reshape in place of a transpose, and for layers that expect the batch as their second axis "
    "(batch_first=True)."
)

KNOWN_BY = {
    "positions": "; the table of positions, which is added to each of them alike, tells which axis counts examples",
    "loader": "; the size of the loader's batches tells which axis counts examples",
}
"""How it is known which axis counts examples."""


@dataclass(frozen=True, kw_only=True)
class BatchMixing(Rule):
    """Examples of one batch leak into each other's outputs.

    Detects:
        By an extra backward pass: the middle example's output has a gradient with respect to other examples. Where one
        of two axes counts moments, a table of positions or the size of a loader's batches tells which. By shapes: a
        recurrent or attention layer without batch_first that is given the batch as its first axis; a view or reshape
        that exchanges the batch axis with another, which moves no value.

    Why it matters:
        The network cannot tell whose output it computes. Training runs without an error, learns little, and its
        predictions depend on what else happens to be in the batch.

    Evidence:
        The share of the gradient that belongs to other examples; the shapes and the line.

    Known false positives:
        Batch norm mixes by design, also one written by hand, as do networks on graphs and attention over a set: these
        are passed over. One sequence in place of a batch is recognised. A training that learns well gives a note. Where
        nothing tells which axis counts examples, either reading is allowed; only if nothing is learnt, mixing along the
        first axis is a warning of less confidence.

    Try:
        Exchange axes with transpose or permute, never with view; build recurrent and attention layers with
        batch_first=True, or give them (time, batch, features).

    References:
        Karpathy, "A recipe for training neural networks", 2019: "use backprop to chart dependencies".
    """

    code = "M301"
    name = "batch mixing"
    cause = "batch-mixing"
    needs = (Model,)

    share: float = 0.01  #: of the gradient; examples that do not mix have exactly 0, attention over them 0.05 and more
    mostly: float = 0.1  #: the same along an axis that may count moments (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        found = self._reshaped(run) or self._layout(run) or self._by_gradient(run)
        if found is not None:
            yield found
        elif not run.knows(Mixed) and not run.knows(Recurrence) and not run.knows(Loss):
            yield NotEvaluated(reason="neither examples in the outputs nor the shapes of recurrent layers were seen")

    def _report(self, run: Run, summary: str, advice: str, evidence: Evidence, where: Where) -> Finding:
        outcome = outcome_of(run)
        severity: Severity = "note" if outcome == "good" else "error"
        return self.finding(summary, advice, severity=severity, confidence=0.92, where=where, evidence=(evidence,))

    def _examples(self, run: Run) -> int | None:
        """Examples in a batch, as the first axis of the model's inputs has them; None where that is not known."""
        inputs = run.fact(Inputs)
        return inputs.shape[0] if inputs is not None and inputs.shape else None

    def _reshaped(self, run: Run) -> Finding | None:
        count = self._examples(run)
        for fact in run.facts(Reinterpretation):
            if count is None or count < 2 or count not in fact.before or fact.before[:1] == fact.after[:1]:
                continue
            if count not in (fact.before[0], fact.after[0]):
                continue
            return self._report(
                run,
                f"{fact.function} turns {fact.before} into {fact.after}: it renames the axes and moves no value, "
                "so that examples are cut up and mixed",
                "Use transpose or permute to exchange axes; view and reshape only join or split neighbouring ones.",
                Evidence(signal="reinterpretation", value=float(fact.after[0]), threshold=float(fact.before[0])),
                Where(module=fact.where or None, file=fact.file, line=fact.line),
            )
        return None

    def _layout(self, run: Run) -> Finding | None:
        """A recurrent or attention layer that takes the examples for moments."""
        mixed = run.fact(Mixed)
        examples = None if mixed is None else mixed.examples
        for layer in run.facts(Recurrence):
            time, batch = layer.shape[:2]
            if layer.batch_first or time < 2 or batch in (1, time):
                continue
            if time != examples if examples is not None else not self._one_target_each(run, time, batch):
                continue
            return self._report(
                run,
                f"{layer.where} ({layer.type}) reads its input {layer.shape} as {time} moments of {batch} examples, "
                f"but {time} is the number of examples",
                f"Construct the {layer.type} with batch_first=True, or transpose its input to (time, batch, features).",
                Evidence(signal="recurrence", value=float(batch), threshold=float(time), note="examples it sees"),
                Where(module=layer.where or None),
            )
        return None

    def _one_target_each(self, run: Run, time: int, batch: int) -> bool:
        """Whether inputs and targets count as many examples as a layer counts moments."""
        calls = loss_calls(run)
        shapes = [call.target.shape for call in calls if call.target.shape]
        targets = next(iter(shapes[0])) if shapes and len(shapes[0]) <= 2 else None
        return self._examples(run) == targets == time and all(call.target.shape[1:2] != (batch,) for call in calls)

    def _by_gradient(self, run: Run) -> Finding | None:
        mixed = run.fact(Mixed)
        if mixed is None or self._by_design(run, mixed):
            return None
        if mixed.share <= self.share:
            return self._perhaps(run, mixed)
        return self._report(
            run,
            f"the output of one example depends on the other examples of its batch: {mixed.share:.0%} of its gradient"
            + KNOWN_BY.get(mixed.known_by, ""),
            ADVICE,
            Evidence(signal="batch_mixing", value=mixed.share, threshold=self.share, steps=(mixed.step, mixed.step)),
            Where(module=mixed.where or None),
        )

    def _perhaps(self, run: Run, mixed: Mixed) -> Finding | None:
        """Mixing along the first axis alone, which counts examples unless the program has time first."""
        if len(mixed.along) < 2 or mixed.along[0] < self.mostly or max(mixed.along[1:]) > self.share:
            return None
        if mixed.known_by or outcome_of(run) != "none":
            return None
        return self.finding(
            f"outputs depend on each other along the first axis alone ({mixed.along[0]:.0%} of the gradient), and "
            "nothing is learnt: if that axis counts examples, these are mixed, and no moment sees another",
            ADVICE,
            severity="warning",
            confidence=0.6,
            where=Where(module=mixed.where or None),
            evidence=(
                Evidence(
                    signal="batch_mixing",
                    value=mixed.along[0],
                    threshold=self.share,
                    steps=(mixed.step, mixed.step),
                    note="along the first axis; along the second it is nothing",
                ),
            ),
        )

    def _by_design(self, run: Run, mixed: Mixed) -> bool:
        """Whether what looks like a batch is one sequence or one set."""
        if mixed.known_by == "positions":
            return False
        for layer in run.facts(Recurrence):
            if layer.shape[0 if layer.batch_first else 1] == 1:
                return True
        inputs = run.fact(Inputs)
        if inputs is not None and len(inputs.shape) >= 3:
            return False
        squares = [fact.shape[-2:] for fact in run.facts(Softmax) if len(fact.shape) >= 2]
        return any(rows == columns and rows == self._examples(run) for rows, columns in squares)

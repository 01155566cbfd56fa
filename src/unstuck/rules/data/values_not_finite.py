"""D102: inputs or targets are not finite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.record import Evidence, Finding, Run, signals
from unstuck.record.facts import Loss, NonFinite
from unstuck.rules.calls import call_place, loss_calls
from unstuck.rules.rule import Rule

__all__ = ["ValuesNotFinite"]


@dataclass(frozen=True, kw_only=True)
class ValuesNotFinite(Rule):
    """The data hold NaN or infinity, and the loss takes it over.

    Detects:
        Values that are not finite in the batches that enter the model, or in the targets at the call of the loss,
        together with a loss that is not finite from then on.

    Why it matters:
        A single such value makes the loss of its batch NaN, and with the next update every weight.

    Evidence:
        Non-finite values counted in the sampled batches; the graph of the first loss that is not finite, followed back
        to the tensor that came from outside; the batch and the rows that hold it.

    Known false positives:
        A model that masks missing values itself takes NaN on purpose: silent as long as the loss stays finite.

    Try:
        Find the rows with ``~torch.isfinite(x)``; drop or fill them. Look for a division by a standard deviation of
        zero (a constant column), the logarithm of zero, and empty cells read as NaN.

    References:
        Karpathy, "A recipe for training neural networks", 2019, "Become one with the data".
    """

    code = "D102"
    name = "data not finite"
    cause = "data-non-finite"
    needs = (signals.LOSS,)

    share: float = 0.5  #: non-finite losses among the last ones, from which training is lost (our choice: most)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        losses = run.series(signals.LOSS)
        bad = ~np.isfinite(losses.values)
        if not bad.any():
            return
        first = int(losses.steps[bad][0])
        found = self._inputs(run, first) or self._traced(run) or self._targets(run, first)
        if found is None:
            return
        what, evidence, rows = found
        lost = float(bad[-max(5, len(bad) // 10) :].mean())
        place = call_place(loss_calls(run)[0]) if what == "targets" and loss_calls(run) else None
        yield self.finding(
            f"the {what} hold NaN or infinity{rows}; the loss is not finite from step {first} on",
            f"Check the {what} with torch.isfinite before training; drop or fill those rows. Usual sources: division "
            "by a standard deviation of zero, the logarithm of zero, empty cells.",
            severity="error" if lost > self.share else "warning",
            confidence=0.97,
            where=place,
            evidence=evidence,
        )

    def _inputs(self, run: Run, first: int) -> tuple[str, tuple[Evidence, ...], str] | None:
        dirty = run.series(signals.INPUT_NONFINITE)
        counts = np.nan_to_num(dirty.values)
        # Where the very batch was not sampled, one nearby tells as much, unless outputs are fed back as inputs.
        at_start = counts[dirty.steps <= first] if (dirty.steps <= first).any() else counts[:1]
        if not len(at_start) or not (at_start > 0).any():
            return None
        total = float(at_start.max())
        note = "values of a batch that are not finite"
        evidence = Evidence(signal="input_nonfinite", value=total, threshold=0.0, steps=(0, first), note=note)
        return "inputs", (evidence,), ""

    def _traced(self, run: Run) -> tuple[str, tuple[Evidence, ...], str] | None:
        fact = min(run.facts(NonFinite), key=lambda fact: fact.step, default=None)
        if fact is None or fact.what not in ("input", "target"):
            return None
        rows = f" (rows {', '.join(map(str, fact.examples))} of the batch of step {fact.step})" if fact.examples else ""
        note = f"non-finite values in the {fact.what} that the first non-finite loss came from"
        steps = (fact.step, fact.step)
        return f"{fact.what}s", (
            Evidence(signal="non_finite", value=float(fact.count), threshold=0.0, steps=steps, note=note),
        ), rows  # fmt: skip

    def _targets(self, run: Run, first: int) -> tuple[str, tuple[Evidence, ...], str] | None:
        means = run.series(signals.TARGET_MEAN)
        before = ~np.isfinite(means.values[means.steps <= first])
        call = next((call for call in loss_calls(run) if _not_finite(call)), None)
        if not before.any() and (call is None or len(means.finite())):
            return None
        note = "batches with a target that is not finite"
        evidence = Evidence(signal="target_mean", value=float(max(1, before.sum())), threshold=0.0, note=note)
        return "targets", (evidence,), ""


def _not_finite(call: Loss) -> bool:
    return any(bound is not None and not math.isfinite(bound) for bound in (call.target.minimum, call.target.maximum))

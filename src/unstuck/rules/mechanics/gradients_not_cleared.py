"""T101: gradients of earlier steps are still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.learning import optimizer_place
from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import Graph, Optimizer, UnoptimizedParameters
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Gate, Rule

__all__ = ["GradientsNotCleared"]

SAMPLES = 5
"""Sampled steps after the first, below which it may be one odd step (our choice)."""

CLOSURES = 1
"""The same of steps that each call a closure some twenty times (our choice)."""

SAMPLED_ENOUGH = Gate(
    f"fewer than {SAMPLES} steps after the first were sampled",
    lambda run: len(_later(run)) >= (CLOSURES if _closes(run) else SAMPLES),
)


@dataclass(frozen=True, kw_only=True)
class GradientsNotCleared(Rule):
    """Each step adds its gradient to those of earlier steps, for nothing clears them between.

    Detects:
        Gradients that are in .grad, about as large as those of the step, when the first backward pass after an update
        begins; step after step. Of L-BFGS, whose closure is called many times a step, any that are left.

    Why it matters:
        The optimizer follows the sum of all past gradients: momentum without friction. The loss swings with growing
        amplitude, or the step is many times what the rate says.

    Evidence:
        The norm of the gradients before the first backward pass of a step over their norm after its last; the cosine of
        successive gradients, which is close to 1 where they share most of their terms.

    Known false positives:
        Accumulation over several backward passes clears the gradients after each update, and is silent. Programs that
        overwrite .grad by their own numbers leave old ones there: their successive gradients have little in common, or
        no loss leads to the weights, as where those of half-precision weights are copied to float32 ones.

    Try:
        optimizer.zero_grad() before each backward pass; with accumulation, after each optimizer.step().

    References:
        PyTorch documentation, "Zeroing out gradients in PyTorch".
    """

    code = "T101"
    name = "gradients not cleared"
    cause = "gradients-not-cleared"
    needs = (signals.GRADIENT_CARRIED,)
    applies_to = (SAMPLED_ENOUGH,)

    carried: float = 0.3  #: old over new norm: equal and independent gradients give 0.7 at the second step
    share: float = 0.6  #: share of the steps; clearing once an epoch leaves some clean (our choice)
    alike: float = 0.5  #: cosine of successive gradients, if sampled: sums that share their terms come near 1

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        if _overwrites(run):
            return
        carried = run.series(signals.GRADIENT_CARRIED).finite()
        closes, later = _closes(run), _later(run)
        # Within one step of a closure gradients may grow a thousandfold: it begins with none, or was not cleared.
        threshold = 0.0 if closes else self.carried
        share = float(np.mean(later > threshold))
        cosines = run.series(signals.GRADIENT_COSINE).finite().values
        alike = float(np.median(cosines)) if len(cosines) and not closes else 1.0
        if share < self.share or alike < self.alike:
            return
        severity: Severity = "error" if outcome_of(run) == "none" else "warning"
        graph = run.fact(Graph)
        where = Where(file=graph.file, line=graph.line) if graph and graph.file else optimizer_place(run)
        evidence = [
            Evidence(
                signal="gradient_carried",
                value=float(np.median(later)),
                threshold=threshold,
                steps=(int(carried.steps[0]), int(carried.steps[-1])),
                note="norm of .grad before the first backward pass after an update, over that after the last",
            )
        ]
        if not closes:
            note = "of successive gradients: most of their terms are the same"
            evidence.append(Evidence(signal="gradient_cosine", value=alike, threshold=self.alike, note=note))
        yield self.finding(
            f"gradients are not cleared: at {share:.0%} of the steps those of earlier ones are still in .grad, "
            + (
                "as the closure begins" if closes else f"{np.median(later):.0%} of the gradient that the optimizer gets"
            ),
            "Call optimizer.zero_grad() at the start of the closure, before its backward pass."
            if closes
            else "Call optimizer.zero_grad() once for each optimizer.step(), before the backward pass.",
            severity=severity,
            confidence=0.95,
            where=where,
            evidence=tuple(evidence),
        )


def _closes(run: Run) -> bool:
    """Whether the optimizer calls a closure, in which gradients are to be cleared."""
    optimizer = run.fact(Optimizer)
    return optimizer is not None and optimizer.type == "LBFGS"


def _overwrites(run: Run) -> bool:
    """Whether no loss leads to what the optimizer holds: gradients are put there, as those of float32 copies are."""
    walks = run.facts(UnoptimizedParameters)
    return bool(walks) and all(walk.reached and not walk.held for walk in walks)


def _later(run: Run) -> NDArray[np.float64]:
    """What was carried over at each sampled step but the first."""
    carried = run.series(signals.GRADIENT_CARRIED).finite()
    return carried.values[carried.steps > carried.steps[:1].max(initial=-1)]

"""I201: units of a layer are copies of each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import Model, UnoptimizedParameters
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Gate, Rule

__all__ = ["SymmetricStart"]

COMPARISONS = 3
"""Comparisons before which units that are equal may be about to part."""

COMPARED = Gate(
    f"units were compared at fewer than {COMPARISONS} steps",
    lambda run: len(run.table(signals.UNIT_SPREAD)) >= COMPARISONS,
)


@dataclass(frozen=True, kw_only=True)
class SymmetricStart(Rule):
    """All units of a layer start equal, get equal gradients, and stay equal: the layer is one unit wide.

    Detects:
        Weights whose units are copies of each other at the first sampled step and still at the last: constant or zero
        initial values that training could not part.

    Why it matters:
        Equal units compute the same and learn the same. However wide the layer, it is worth one unit; with zeros in
        two layers in a row no gradient passes at all.

    Evidence:
        The spread of the units about their mean, relative to the size of the weights, at the first and at the last
        comparison.

    Known false positives:
        Zeros in the last layer, in the last of a residual branch, or in one factor of a low-rank adapter part at the
        first update: they are equal at the start only. Biases and norms are not looked at, nor what no optimizer holds:
        nothing could part it.

    Try:
        Leave PyTorch's default initialisation, or draw weights at random (torch.nn.init.kaiming_normal_); constants are
        for biases.

    References:
        Goodfellow, Bengio and Courville, "Deep Learning", section 8.4: initial parameters need to "break symmetry".
    """

    code = "I201"
    name = "symmetric start"
    cause = "init-symmetric"
    needs = (signals.UNIT_SPREAD, Model)
    applies_to = (COMPARED,)

    copies: float = 1e-3  #: relative spread of equal units; rounding gives 1e-6, random weights 0.3 to 1 (measured)
    parted: float = 0.02  #: relative spread from which training has parted them

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        table, model = run.table(signals.UNIT_SPREAD), run.fact(Model)
        if model is None:
            return
        roles = {parameter.name: parameter for parameter in model.parameters}
        left = run.fact(UnoptimizedParameters)
        kept = {parameter.name for parameter in left.unchanged} if left is not None else set[str]()
        equal: list[tuple[str, float, int, int]] = []
        for name, series in table.columns():
            parameter, finite = roles.get(name), series.finite()
            eligible = parameter is None or (parameter.role in ("weight", "embedding", "other") and parameter.trainable)
            if not eligible or name in kept or len(finite) < COMPARISONS:
                continue
            if finite.values[0] < self.copies and finite.values[-1] < self.parted:
                equal.append((name, float(finite.values[-1]), int(finite.steps[0]), int(finite.steps[-1])))
        outcome = outcome_of(run)
        if not equal:
            return
        severity: Severity = "note" if outcome == "good" else "error"
        name, spread, first, last = equal[0]
        others = f" and {len(equal) - 1} more weights" if len(equal) > 1 else ""
        yield self.finding(
            f"the units of {name}{others} start as copies of each other and are so still at step {last}",
            "Draw the weights at random: leave PyTorch's default initialisation, or use "
            "torch.nn.init.kaiming_normal_. Zeros and constants are for biases.",
            severity=severity,
            confidence=0.95,
            where=Where(parameter=name),
            evidence=(
                Evidence(
                    signal="unit_spread",
                    value=spread,
                    threshold=self.parted,
                    steps=(first, last),
                    note="distance of the units from their mean, over the size of the weights",
                ),
            ),
        )

"""N202: the differences between examples are rounded away where data are cast to half precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import RoundedInput
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["InputsRounded"]


@dataclass(frozen=True, kw_only=True)
class InputsRounded(Rule):
    """Data that lie far from zero, compared with their spread, are cast to half precision before that is taken off.

    Detects:
        Temperatures in kelvin, time stamps, prices and counters that are cast to bfloat16 or float16 as they are, and
        normalised afterwards.

    Why it matters:
        Half precision has 8 or 11 binary digits. Where most of them go to what all examples have in common, few are
        left for what tells them apart: examples become equal, and no model can tell them from each other again.

    Evidence:
        The different values of each feature before and after the cast, in the first sampled steps.

    Known false positives:
        A feature whose fine differences are noise. Where enough is left for the training to learn well, nothing is
        said; where next to nothing is left, it is said in any case.

    Try:
        Normalise in float32, ``((x - mean) / std).to(torch.bfloat16)``, or leave the cast to torch.autocast.

    References:
        Higham, "Accuracy and Stability of Numerical Algorithms", chapter 2; Micikevicius et al., "Mixed precision
        training", ICLR 2018.
    """

    code = "N202"
    name = "inputs rounded"
    cause = "precision-unsuited"
    needs = (RoundedInput,)

    few: float = 0.25  #: share of the different values that is left, below which examples are told apart by accident
    some: float = 0.5  #: the same where learning does not go well (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        fact = min(run.facts(RoundedInput), key=lambda one: one.left, default=None)
        if fact is None or fact.left >= (self.few if outcome_of(run) == "good" else self.some):
            return
        yield self.about(
            fact,
            f"values near {fact.size:.4g} that differ by {fact.spread:.3g} (standard deviation) are cast to "
            f"{fact.type}, whose numbers are {fact.apart:.3g} apart there: {fact.left:.0%} of the different values of "
            "a feature are left",
            f"Take off the mean and scale in float32, and cast then: ((x - mean) / std).to(torch.{fact.type}).",
            value=fact.left,
            threshold=self.some,
            note="share of the different values of a feature that are still different behind the cast",
            severity="warning" if outcome_of(run) in ("good", "unknown") else "error",
            confidence=0.88,
        )

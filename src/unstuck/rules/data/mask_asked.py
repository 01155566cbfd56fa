"""D211: the model is asked for the id by which its own input is masked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import TargetCode
from unstuck.rules.rule import Rule

__all__ = ["MaskAsked"]


@dataclass(frozen=True, kw_only=True)
class MaskAsked(Rule):
    """All targets are one id, which stands in the input as often as there are targets.

    Detects:
        Masked tokens whose labels are the masked input itself, since ``labels = ids`` is no copy and the mask is
        written into both.

    Why it matters:
        The model learns to answer the mask by the mask. The loss falls to zero within a few steps, and nothing is
        learnt of the tokens behind it.

    Evidence:
        The ids of targets and inputs, counted in the first sampled steps.

    Known false positives:
        None known: a task of one answer, for as many positions as hold it already, teaches nothing.

    Try:
        ``labels = ids.clone()`` before the mask is written, or ``inputs = ids.masked_fill(chosen, MASK)``.

    References:
        Devlin et al., "BERT", 2018, section 3.1: the original tokens are asked for.
    """

    code = "D211"
    name = "mask asked"
    cause = "labels-mismatched"
    needs = (TargetCode,)

    fewest: int = 64  #: targets below which they may be one id by chance (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        fact = next((fact for fact in run.facts(TargetCode) if fact.only is not None), None)
        if fact is None or fact.targets < self.fewest:
            return
        yield self.about(
            fact,
            f"all targets are the id {fact.only}, which stands in the input at as many positions: the model is asked "
            "for the mask, and not for what is behind it",
            "Copy the labels before the mask is written into the ids: labels = ids.clone(), or make the input by "
            "ids.masked_fill(chosen, MASK), which leaves ids as they are.",
            value=float(fact.targets),
            threshold=float(self.fewest),
            note="targets, all of one id",
            severity="error",
            confidence=0.93,
        )

"""L306: a sum over all examples is added to the loss of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import SummedExamples
from unstuck.rules.rule import Rule

__all__ = ["ExamplesSummed"]


@dataclass(frozen=True, kw_only=True)
class ExamplesSummed(Rule):
    r"""A term is summed over the whole batch, where a number for each example is meant.

    Detects:
        :math:`\frac{1}{N} \sum_n (\ell_n + s)` with :math:`s = \sum_m s_m` over the examples of the same batch: a
        log-determinant, a divergence or a penalty by ``.sum()`` in place of ``.sum(dim=1)``, which broadcasts.

    Why it matters:
        The mean over N examples leaves such a term as it is, N times what it should be. It drowns the rest: a flow
        then shrinks or stretches space and models nothing.

    Evidence:
        The graph of the loss: what the mean is taken of, and which of its summands is one number for the batch.

    Known false positives:
        A term that is meant to be that heavy; one that is divided by N, or has a small coefficient, passes.

    Try:
        ``s.sum(dim=1)``, or ``s.flatten(1).sum(dim=1)``: one number for each example.

    References:
        Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", ICLR 2017, equations 2 and 6.
    """

    code = "L306"
    name = "examples summed"
    cause = "loss-reduction-wrong"
    needs = (SummedExamples,)

    weight: float = 8.0  #: times a sum for each example: no usual coefficient (our choice)
    looks: int = 2  #: losses in which it must be so (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        heavy = [fact for fact in run.facts(SummedExamples) if fact.weight >= self.weight]
        if len({fact.step for fact in heavy}) < self.looks:
            return
        last = heavy[-1]
        yield self.about(
            last,
            f"a sum over all {last.examples:,} examples of the batch is added to the loss of each, so that it weighs "
            f"{last.weight:,.3g} times what it does in the mean over examples",
            "Sum over the axes of an example only: sum(dim=1), or flatten(1).sum(dim=1).",
            value=last.weight,
            threshold=self.weight,
            since=heavy[0].step,
            note="its weight over that of a sum for each example",
            severity="error",
            confidence=0.9,
        )

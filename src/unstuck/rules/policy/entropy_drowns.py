"""L704: the bonus for entropy is so heavy that a policy never chooses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning.policies import of_policy
from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import LossTerms, PolicyEntropy, PolicyTerm
from unstuck.rules.rule import Rule

__all__ = ["EntropyDrowns"]

LATE = 3
"""Looks at the end whose median is what the entropy ended at."""

WIDTH = 4.0
"""Range of the weights of a batch over their deviation: 64 normal numbers span 4.7 deviations, and 20 of them 3.7."""

CLOSE = 1e-3
"""How far a term may be from the entropy that it is the mean or the sum of."""


@dataclass(frozen=True, kw_only=True)
class EntropyDrowns(Rule):
    r"""The bonus for entropy outweighs what tells good actions from bad ones, so that all stay equally likely.

    Detects:
        A policy whose entropy ends where it began, at nearly the greatest that there is, in a loss that weighs the mean
        entropy by more than half of the deviation of its advantages.

    Why it matters:
        The best policy for a loss :math:`-\sum_a \pi A - c H` is :math:`\pi \propto e^{A / c}`: where c is as large as
        the advantages differ, no action is much likelier than another. A sum over the batch in place of a mean makes c
        as many times larger as there are examples.

    Evidence:
        The entropy over the training; its weight, by the terms of the loss; the range of the advantages.

    Known false positives:
        A task in which all actions are equally good.

    Try:
        ``loss = policy_loss - 0.01 * entropy.mean()``, with advantages of deviation one.

    References:
        Haarnoja et al., "Soft actor-critic", ICML 2018, equation 1; Schulman et al., "Proximal policy optimization
        algorithms", 2017, table 3 (0.01).
    """

    code = "L704"
    name = "entropy drowns"
    cause = "loss-terms-unbalanced"
    needs = (PolicyEntropy, PolicyTerm, LossTerms)

    looks: int = 4  #: looks at the loss at least (our choice)
    equal: float = 0.95  #: share of the greatest entropy from which actions are equally likely (our choice)
    heavy: float = 0.5  #: weight over the deviation of advantages, above which they cannot differ by 8 times

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        looks = [look for look in run.facts(PolicyEntropy) if look.most is not None and look.raised]
        terms = run.facts(PolicyTerm)
        if len(looks) < self.looks or not of_policy(terms):
            return
        last = looks[-1]
        end = float(np.median([look.entropy / (look.most or 1.0) for look in looks[-LATE:]]))
        deviation = float(np.median([term.highest - term.lowest for term in terms])) / WIDTH
        weighed = [found for look in looks if (found := _weight(run, look)) is not None]
        if end < self.equal or not deviation or not weighed:
            return
        weight, summed = weighed[-1]
        if weight < self.heavy * deviation:
            return
        yield self.finding(
            f"the bonus for entropy outweighs the advantages: its weight is {weight:.2g} where these deviate by "
            f"{deviation:.2g}, and the policy stays at {end:.0%} of the greatest entropy"
            + ("; the entropy is summed over the batch" if summed else ""),
            "Take the mean of the entropy over the batch: - 0.01 * entropy.mean()."
            if summed
            else "Weigh the entropy less: 0.01 is usual where advantages have a deviation of one.",
            severity="error",
            confidence=0.85,
            where=Where(file=last.file, line=last.line),
            evidence=(
                Evidence(
                    signal=last.kind,
                    value=weight,
                    threshold=self.heavy * deviation,
                    steps=(looks[0].step, last.step),
                    note="weight of the mean entropy of an example, above half of the deviation of the advantages",
                ),
                Evidence(
                    signal=last.kind, value=end, threshold=self.equal, note="entropy at the end over the greatest"
                ),
            ),
        )


def _weight(run: Run, look: PolicyEntropy) -> tuple[float, bool] | None:
    """What the mean entropy of an example is multiplied by in the loss, and whether it is summed; None if not known."""
    for fact in run.facts(LossTerms):
        if fact.step != look.step:
            continue
        for term in fact.terms:
            examples = term.shape[0] if term.shape else 1
            for count in {1, examples}:
                if abs(abs(term.value) - count * look.entropy) <= CLOSE * count * look.entropy:
                    return abs(term.weighted) / look.entropy, count > 1
    return None

"""L703: the loss of a policy lowers its entropy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning.policies import of_policy
from unstuck.record import Finding, Run
from unstuck.record.facts import PolicyEntropy, PolicyTerm
from unstuck.rules.rule import Rule

__all__ = ["EntropyLowered"]

LATE = 3
"""Looks at the end whose median is what the entropy ended at."""


@dataclass(frozen=True, kw_only=True)
class EntropyLowered(Rule):
    r"""The entropy of a policy is a penalty where it was meant as a bonus.

    Detects:
        A loss that rises with the entropy :math:`-\sum_a \pi \ln \pi` beside the term of a policy gradient, or with
        that of normal distributions.

    Why it matters:
        The policy becomes certain of whatever it happened to do first, and tries nothing else.

    Evidence:
        The sign by which the entropy enters the loss, in the graph of each sampled step; the entropy over the training.

    Known false positives:
        None known. Entropies that are lowered without a policy gradient, as in semi-supervised learning, are passed by.

    Try:
        ``loss = policy_loss - 0.01 * entropy``.

    References:
        Williams and Peng, "Function optimization using connectionist reinforcement learning algorithms", 1991; Mnih et
        al., "Asynchronous methods for deep reinforcement learning", 2016.
    """

    code = "L703"
    name = "entropy lowered"
    cause = "gradient-sign-flipped"
    needs = (PolicyEntropy, PolicyTerm)

    looks: int = 2  #: looks at the loss in which it must be so: signs are not measured, and do not scatter

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        looks = run.facts(PolicyEntropy)
        if len(looks) < self.looks or any(look.raised for look in looks) or not of_policy(run.facts(PolicyTerm)):
            return
        first, last = looks[0], looks[-1]
        end = float(np.median([look.entropy for look in looks[-LATE:]]))
        yield self.about(
            last,
            f"the loss rises with the entropy of the policy, which went from {first.entropy:.3g} to {end:.3g} nats"
            + (f" of at most {last.most:.3g}" if last.most is not None else "")
            + ": exploring is punished",
            "Subtract the entropy from the loss: loss = policy_loss - 0.01 * entropy.",
            value=float(len(looks)),
            threshold=float(self.looks),
            since=first.step,
            note="looks at the loss, in all of which it rises with the entropy",
            severity="error",
            confidence=0.85,
        )

"""L705: no action of a policy can become likely, because an activation bounds its scores."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.learning.policies import of_policy
from unstuck.record import Finding, Run
from unstuck.record.facts import PolicyTerm
from unstuck.rules.policy.terms import terms_by_place
from unstuck.rules.reach import bounds_of, name_of
from unstuck.rules.rule import Rule

__all__ = ["PolicyCramped"]


@dataclass(frozen=True, kw_only=True)
class PolicyCramped(Rule):
    r"""The scores of a policy come from an activation with bounds, so that the softmax over them can choose nothing.

    Detects:
        Log-probabilities of actions whose scores come from a softmax, a sigmoid, a tanh or a clamp, where the range of
        that, :math:`h - l`, allows the likeliest of K actions a probability of
        :math:`1 / (1 + (K - 1) e^{l - h})` at most, and this is less than 95%.

    Why it matters:
        The policy goes on acting at random, whatever it has learnt: a softmax over a softmax of four actions gives none
        of them more than 47.5%.

    Evidence:
        The operation that made the scores, in the graph of the loss.

    Known false positives:
        A bound on purpose, so that exploration never ends. Bounds that are wide enough, such as ten times a tanh, are
        left alone.

    Try:
        ``Categorical(logits=scores)`` with the raw scores of a linear layer, or ``Categorical(probs=softmax(scores))``.

    References:
        PyTorch documentation, torch.distributions.Categorical: probs or logits; Sutton and Barto, "Reinforcement
        learning", 2018, section 13.1 (preferences that are unbounded).
    """

    code = "L705"
    name = "policy cramped"
    cause = "output-activation-wrong"
    needs = (PolicyTerm,)

    looks: int = 2  #: looks at the loss in which it must be so: operations are not measured, and do not scatter
    certain: float = 0.95  #: probability that a policy must be able to give an action
    random: float = 0.7  #: highest probability below which nothing can be learnt to speak of (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for terms in terms_by_place(run.facts(PolicyTerm)).values():
            last, highest = terms[-1], max(map(_highest, terms))
            if len(terms) < self.looks or highest >= self.certain or last.reach is None or not of_policy(terms):
                continue
            made_by = name_of(last.reach)
            yield self.about(
                last,
                f"the scores of the policy come from a {made_by}: no action can have a probability above {highest:.1%}",
                f"Remove the {made_by} behind the last layer, or hand its result over as probs=.",
                value=highest,
                threshold=self.certain,
                since=terms[0].step,
                note=f"highest probability of one of {last.choices} actions",
                severity="error" if highest < self.random else "warning",
                confidence=0.9 if highest < self.random else 0.7,
            )
            return


def _highest(term: PolicyTerm) -> float:
    """The highest probability that a policy can give to one of its actions."""
    if term.reach is None or not term.choices:
        return 1.0
    low, high = bounds_of(term.reach)
    return 1.0 / (1.0 + (term.choices - 1) * math.exp(low - high))

"""L701: the update makes the actions rarer that did well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import PolicyTerm
from unstuck.rules.policy.terms import GAIN, gains, terms_by_place
from unstuck.rules.rule import Rule

__all__ = ["PolicyLowered"]


@dataclass(frozen=True, kw_only=True)
class PolicyLowered(Rule):
    r"""The loss of a policy has the wrong sign: gradient descent lowers what it should raise.

    Detects:
        A loss that rises with :math:`\sum_i A_i \ln \pi(a_i)`, or with ratios of probabilities in place of their
        logarithms, where A is called an advantage, a return or a reward: its descent makes actions rarer whose A is
        positive.

    Why it matters:
        The policy learns to do what is worst. The loss looks like any other of its kind, since its value says nothing.

    Evidence:
        The sign by which the product enters the loss, in the graph of each sampled step; the words of the line.

    Known false positives:
        Weights that are low where actions are good, under a name that says the opposite. Costs and what is called
        otherwise are not judged, for their sign cannot be known.

    Try:
        ``loss = -(log_probability * advantage).mean()``.

    References:
        Williams, "Simple statistical gradient-following algorithms", 1992; Schulman et al., "Proximal policy
        optimization algorithms", 2017, equation 7 (an objective that is raised).
    """

    code = "L701"
    name = "policy lowered"
    cause = "gradient-sign-flipped"
    needs = (PolicyTerm,)

    looks: int = 2  #: looks at the loss in which it must be so: signs are not measured, and do not scatter

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for terms in terms_by_place(run.facts(PolicyTerm)).values():
            if len(terms) < self.looks or any(term.raised or not gains(term) for term in terms):
                continue
            word = next(name for name in terms[-1].names if GAIN.match(name))
            yield self.about(
                terms[-1],
                f"the loss rises with log-probabilities times {word}: the update makes the actions rarer that did well",
                "Turn the sign of this term: what an optimizer minimises is minus the sum of log-probabilities times "
                "advantages.",
                value=float(len(terms)),
                threshold=float(self.looks),
                since=terms[0].step,
                note="looks at the loss, in all of which it rises with them "
                f"(weights of {terms[-1].lowest:.3g} to {terms[-1].highest:.3g})",
                severity="error",
                confidence=0.85,
            )
            return

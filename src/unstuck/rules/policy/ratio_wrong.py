"""L709: the ratio of a policy's probabilities before and after its updates is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.learning.policies import of_policy
from unstuck.record import Finding, Run
from unstuck.record.facts import PolicyTerm
from unstuck.rules.policy.terms import terms_by_place
from unstuck.rules.rule import Rule

__all__ = ["RatioWrong"]


@dataclass(frozen=True, kw_only=True)
class RatioWrong(Rule):
    r"""The ratio :math:`\pi(a) / \pi_{old}(a)` of a policy's loss divides what must not be divided.

    Detects:
        A ratio :math:`e^{\ln \pi(a) - \ln \pi_{old}(a)}` of which both log-probabilities carry a gradient; a quotient
        of log-probabilities in place of the exponential of their difference.

    Why it matters:
        Where the old probability is the new one, with its gradient, the ratio is one and cannot be moved: the policy
        does not learn at all. A quotient of logarithms falls where the probability rises, since they are negative.

    Evidence:
        The operations that made the ratio, in the graph of each sampled step.

    Known false positives:
        Two policies that are trained at once, each against the other.

    Try:
        ``ratio = (new_log_probability - old_log_probability.detach()).exp()``, the old one kept from the time when the
        action was taken.

    References:
        Schulman et al., "Proximal policy optimization algorithms", 2017, section 3; Engstrom et al., "Implementation
        matters in deep policy gradients", ICLR 2020.
    """

    code = "L709"
    name = "ratio wrong"
    cause = "loss-wrong"
    needs = (PolicyTerm,)

    looks: int = 2  #: looks at the loss in which it must be so: operations are not measured, and do not scatter

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for terms in terms_by_place(run.facts(PolicyTerm)).values():
            kinds = {term.ratio for term in terms}
            if len(terms) < self.looks or len(kinds) != 1 or "" in kinds or not of_policy(terms):
                continue
            itself = terms[-1].ratio == "itself"
            yield self.about(
                terms[-1],
                "both probabilities of the policy's ratio carry a gradient, that which was to be kept from before the "
                "update too: they cancel, and nothing moves the policy"
                if itself
                else "the policy's ratio is a quotient of log-probabilities, and not of probabilities",
                "Keep the log-probabilities of the time when the actions were taken, under torch.no_grad(), and use "
                "these: ratio = (log_prob - old_log_prob).exp()."
                if itself
                else "Divide probabilities: ratio = (log_prob - old_log_prob).exp().",
                value=float(len(terms)),
                threshold=float(self.looks),
                since=terms[0].step,
                note="looks at the loss, in all of which the ratio is made so",
                severity="error",
                confidence=0.9 if itself else 0.85,
                cause="graph-detached" if itself else None,
            )
            return

"""L702: the loss of a policy moves the advantage too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.learning.policies import of_policy
from unstuck.record import Finding, Run
from unstuck.record.facts import PolicyTerm
from unstuck.rules.policy.terms import terms_by_place
from unstuck.rules.rule import Rule

__all__ = ["AdvantageTrained"]


@dataclass(frozen=True, kw_only=True)
class AdvantageTrained(Rule):
    r"""The weights of a policy's actions carry a gradient, so that its loss moves the critic that made them.

    Detects:
        A loss :math:`-\sum_i A_i \ln \pi(a_i)` whose gradient flows through :math:`A` to parameters that this optimizer
        holds.

    Why it matters:
        The critic is moved to call actions better the likelier they are to lower this loss, whatever they bring; what
        it then says of them is no estimate any more, and the policy follows it.

    Evidence:
        The graph of the factor that log-probabilities are multiplied by.

    Known false positives:
        Weights that are never negative are none of a critic's: learned weights of losses, shares of experts, the factor
        of a focal loss. A critic with an optimizer of its own, whose gradients are cleared before its step, is left
        alone.

    Try:
        ``(log_probability * advantage.detach()).mean()``.

    References:
        Mnih et al., "Asynchronous methods for deep reinforcement learning", 2016; Sutton and Barto, "Reinforcement
        learning", 2018, section 13.5.
    """

    code = "L702"
    name = "advantage trained"
    cause = "bootstrap-wrong"
    needs = (PolicyTerm,)

    looks: int = 2  #: looks at the loss in which it must be so: signs are not measured, and do not scatter

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for terms in terms_by_place(run.facts(PolicyTerm)).values():
            if len(terms) < self.looks or not all(term.gradient for term in terms) or not of_policy(terms):
                continue
            yield self.about(
                terms[-1],
                "the advantage that log-probabilities are multiplied by carries a gradient: the loss of the policy "
                "trains the critic too",
                "detach() the advantage, or compute it under torch.no_grad().",
                value=float(len(terms)),
                threshold=float(self.looks),
                since=terms[0].step,
                note="looks at the loss, in all of which a gradient flows through the weights",
                severity="error",
                confidence=0.85,
            )
            return

"""L708: the actions that a policy is rewarded for are not those that it took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import PolicyTerm
from unstuck.rules.policy.terms import gains, terms_by_place
from unstuck.rules.rule import Rule

__all__ = ["ActionsDrawnAnew"]


@dataclass(frozen=True, kw_only=True)
class ActionsDrawnAnew(Rule):
    r"""The log-probabilities in the loss are those of actions that were drawn for it, and that nobody carried out.

    Detects:
        A loss :math:`-\sum_i A_i \ln \pi(a_i)` whose actions were drawn in the same step, where neither the weights A
        are made of them nor any value of them has left PyTorch, as it would towards an environment.

    Why it matters:
        The rewards belong to other actions. What is learnt has nothing to do with them: in expectation the gradient is
        zero.

    Evidence:
        Every function that a draw goes through, followed in some steps from the draw to the loss.

    Known false positives:
        None known. Weights that are not called a reward, a return or an advantage are left alone.

    Try:
        Keep the actions that were taken beside their rewards, and ask for their log-probability:
        ``policy(states).log_prob(actions)``.

    References:
        Williams, "Simple statistical gradient-following algorithms", 1992; Sutton and Barto, "Reinforcement learning",
        2018, section 13.3.
    """

    code = "L708"
    name = "actions drawn anew"
    cause = "labels-mismatched"
    needs = (PolicyTerm,)

    looks: int = 2  #: looks in which it must be so: what became of a draw is not measured, and does not scatter

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for terms in terms_by_place(run.facts(PolicyTerm)).values():
            known = [term for term in terms if term.unseen is not None and gains(term)]
            if len(known) < self.looks or not all(term.unseen for term in known):
                continue
            yield self.about(
                known[-1],
                "log-probabilities of actions that were drawn for the loss are multiplied by what other actions "
                "brought: those that were carried out are not these",
                "Keep the actions that were taken, and hand them over: policy(states).log_prob(actions).",
                value=float(len(known)),
                threshold=float(self.looks),
                since=known[0].step,
                note="looks at the loss, in all of which nothing but the loss has seen the actions",
                severity="error",
                confidence=0.9,
            )
            return

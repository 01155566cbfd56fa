"""L710: the returns of an episode are summed up from its start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import PolicyTerm
from unstuck.rules.policy.terms import gains, terms_by_place
from unstuck.rules.rule import Rule

__all__ = ["ReturnsReversed"]


@dataclass(frozen=True, kw_only=True)
class ReturnsReversed(Rule):
    r"""The weights of an episode's actions are discounted sums of what came before them, not of what followed.

    Detects:
        Log-probabilities in the order of time, whose weights change from step to step by a factor that is below one:
        :math:`G_t = r_t + \gamma G_{t - 1}`, or the right sums in the wrong order.

    Why it matters:
        An action is rewarded for what happened before it. Late actions get the most, those among them that ended the
        episode.

    Evidence:
        The ratio of neighbouring differences of the weights, which is the same for most of them where most rewards of
        an episode are equal. Where values are taken off them, it is that of the targets which these values learn.

    Known false positives:
        Returns of penalties, the same at each step, that are multiplied by :math:`\gamma^t` and centred by episode.

    Try:
        ``for r in reversed(rewards): G = r + gamma * G; returns.insert(0, G)``.

    References:
        Sutton and Barto, "Reinforcement learning", 2018, sections 3.3 and 13.3.
    """

    code = "L710"
    name = "returns reversed"
    cause = "labels-mismatched"
    needs = (PolicyTerm,)

    looks: int = 3  #: episodes in which it must be so (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for terms in terms_by_place(run.facts(PolicyTerm)).values():
            known = [term for term in terms if term.growth is not None and gains(term)]
            if len(known) < self.looks or any((term.growth or 0.0) >= 1.0 for term in known):
                continue
            factor = known[-1].growth or 0.0
            yield self.about(
                known[-1],
                "the weights of an episode's actions are sums of the rewards before them: their differences shrink "
                f"from step to step, by {factor:.4g}, where those of what follows grow",
                "Sum up from the end, for r in reversed(rewards): G = r + gamma * G, and put each sum in front of "
                "those behind it.",
                value=factor,
                threshold=1.0,
                since=known[0].step,
                note=f"factor from one difference of weights to the next, in {len(known)} episodes",
                severity="error",
                confidence=0.85,
            )
            return

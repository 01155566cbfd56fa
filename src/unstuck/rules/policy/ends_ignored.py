"""L403: returns or advantages are summed up past the ends of episodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import IgnoredEnds
from unstuck.rules.rule import Rule

__all__ = ["EndsIgnored"]


@dataclass(frozen=True, kw_only=True)
class EndsIgnored(Rule):
    r"""What follows the end of an episode, which is another episode, counts as its return.

    Detects:
        Discounted returns :math:`G_t = r_t + \gamma G_{t+1}`, or generalised advantages
        :math:`A_t = r_t + \gamma v_{t+1} - v_t + \gamma \lambda A_{t+1}`, that hold at every transition, also where a
        flag beside them marks the last one of an episode.

    Why it matters:
        An action is rewarded for what happens after the next reset. Where each step is worth the same, an episode that
        ends early is as good as a long one, and the policy does not learn to go on.

    Evidence:
        Rewards, values, sums and flags in the variables of the program: the sums are linear in what follows, to
        rounding, at marked transitions too.

    Known false positives:
        A flag that is called one of an end and marks something else. Tasks that go on after their flag.

    Try:
        Multiply what follows by ``(1 - done[t])``, both the next value and the running sum. Where an episode is cut off
        by a limit of time, take the value of its last observation, and none of the next episode.

    References:
        Schulman et al., "High-dimensional continuous control using generalized advantage estimation", ICLR 2016; Pardo
        et al., "Time limits in reinforcement learning", ICML 2018.
    """

    code = "L403"
    name = "ends ignored"
    cause = "bootstrap-wrong"
    needs = (IgnoredEnds,)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for fact in run.facts(IgnoredEnds)[:1]:
            yield self.about(
                fact,
                f"no episode ends in {fact.name}: all {fact.transitions:,} transitions that were looked at take what "
                f"follows, and {fact.ends} of them are marked as the last of an episode",
                "Multiply the next value and the running sum by (1 - done[t]).",
                value=float(fact.ends),
                threshold=0.0,
                note="transitions that end an episode and take what the next one brings",
                severity="error",
                confidence=0.9,
            )

"""L711: the state that follows an action is the state in which it was taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import Bootstrap
from unstuck.rules.rule import Rule

__all__ = ["StatesUnchanged"]


@dataclass(frozen=True, kw_only=True)
class StatesUnchanged(Rule):
    """Transitions hold one state twice, because the environment changes the array that it has given out.

    Detects:
        Values whose targets are made of the value of the very same state, value by value, in nearly all transitions,
        while states differ from each other.

    Why it matters:
        A buffer that keeps a reference to the environment's own array holds what that array has become: all
        transitions of an episode show its last state, as state and as next state. No action has an effect that could
        be learnt.

    Evidence:
        The states that the network of the values and that of the targets were given, compared by rows.

    Known false positives:
        Tasks in which hardly any action changes what is observed.

    Try:
        ``return self.state.copy()`` where the environment gives out its observation, or copy where it is stored.

    References:
        Sutton and Barto, "Reinforcement learning", 2018, section 6.1; Gymnasium documentation, ``Env.step``.
    """

    code = "L711"
    name = "states unchanged"
    cause = "data-constant"
    needs = (Bootstrap,)

    fewest: int = 200  #: transitions below which it may be chance (our choice)
    share: float = 0.95  #: of transitions that leave the state as it was (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for fact in {(fact.file, fact.line): fact for fact in run.facts(Bootstrap)}.values():
            if fact.compared < self.fewest or fact.unchanged < self.share * fact.compared:
                continue
            yield self.about(
                fact,
                f"in {fact.unchanged:,} of {fact.compared:,} transitions the state that follows is the state itself: "
                "what was stored has changed since, or one state is stored twice",
                "Store copies: return self.state.copy() from the environment, or state.clone() where it is put into "
                "the buffer.",
                value=fact.unchanged / fact.compared,
                threshold=self.share,
                note="share of transitions that leave the state as it was",
                severity="error",
                confidence=0.9,
            )
            return

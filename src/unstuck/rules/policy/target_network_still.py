"""L402: the network that targets are made of never moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import TargetNetwork
from unstuck.rules.rule import Rule

__all__ = ["TargetNetworkStill"]


@dataclass(frozen=True, kw_only=True)
class TargetNetworkStill(Rule):
    """A copy of the network makes the targets, and stays as it was when training began.

    Detects:
        A network that no optimizer holds, of the shapes of the one that is trained, whose outputs, added to rewards,
        are the targets of a loss, and none of whose weights changed over hundreds of updates.

    Why it matters:
        What is learnt is one step of rewards plus the values of an untrained network: nothing that lies further away.

    Evidence:
        Some values of each of its weights, compared with those at its first call.

    Known false positives:
        A fixed network whose outputs are targets as they are, as in distillation or a random network for curiosity, is
        passed over, since no reward is added. A period between copies that is longer than the whole training is one
        more way in which it never moves.

    Try:
        ``target.load_state_dict(network.state_dict())`` every some hundred updates, or an average of the weights after
        each: ``slow.lerp_(fast, 0.005)``, in place.

    References:
        Mnih et al., "Human-level control through deep reinforcement learning", Nature 2015; Lillicrap et al.,
        "Continuous control with deep reinforcement learning", ICLR 2016.
    """

    code = "L402"
    name = "target network still"
    cause = "bootstrap-wrong"
    needs = (TargetNetwork,)

    updates: int = 300  #: updates over which it must have moved: periods of small tasks are 50 to 200 (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        sites = {(fact.file, fact.line): fact for fact in run.facts(TargetNetwork)}
        for fact in sites.values():
            if fact.moved or fact.until - fact.since < self.updates:
                continue
            kept = "an exact copy of the network before training" if fact.began_equal else "as it was drawn"
            yield self.finding(
                f"the network that makes the targets never moves: after {fact.until:,} updates it is {kept}",
                "Copy the trained weights into it every some hundred updates, or average them in after each, in place.",
                severity="error",
                confidence=0.9,
                where=Where(file=fact.file, line=fact.line),
                evidence=(
                    Evidence(
                        signal=fact.kind,
                        value=float(fact.until - fact.since),
                        threshold=float(self.updates),
                        steps=(fact.since, fact.until),
                        note="updates of the trained network over which it stayed the same",
                    ),
                ),
            )

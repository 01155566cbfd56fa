"""L707: an actor learns to choose what its critic calls worst, or learns nothing of the critic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import ActorLoss
from unstuck.rules.rule import Rule

__all__ = ["ActorLowered"]


@dataclass(frozen=True, kw_only=True)
class ActorLowered(Rule):
    r"""The loss of an actor rises with the value that a critic gives to its actions, or does not depend on them.

    Detects:
        A loss that rises with :math:`Q(s, \pi(s))`, where another training's network learns
        :math:`Q(s, a) = r + \gamma Q(s', a')` from rewards: its descent makes the actor choose what brings least. The
        same loss where the action comes to the critic without its graph.

    Why it matters:
        The actor learns to do what is worst, and the critic is right about it. Both losses look as they always do.

    Evidence:
        The sign by which the critic's output enters the loss, in the graph of each sampled step.

    Known false positives:
        An opponent that is there to make things worse, as in robust reinforcement learning. Values of what is called a
        cost are left alone, for they are to be lowered.

    Try:
        ``actor_loss = -critic(state, actor(state)).mean()``.

    References:
        Silver et al., "Deterministic policy gradient algorithms", ICML 2014, equation 6; Lillicrap et al., "Continuous
        control with deep reinforcement learning", ICLR 2016; Haarnoja et al., "Soft actor-critic", ICML 2018.
    """

    code = "L707"
    name = "actor lowered"
    cause = "gradient-sign-flipped"
    needs = (ActorLoss,)

    looks: int = 2  #: looks at the loss in which it must be so: signs are not measured, and do not scatter

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        losses = run.facts(ActorLoss)
        if len(losses) < self.looks:
            return
        if not any(loss.reached for loss in losses):
            yield self._report(
                losses,
                "the value that the actor's loss is made of does not depend on the actor: its actions reach the critic "
                "without their graph",
                "Hand the critic the actor's output as it is, without detach(), no_grad or NumPy; draw actions by "
                "rsample().",
                "looks at the loss, in none of which the value leads to the actor's weights",
                cause="graph-detached",
            )
        elif not any(loss.raised or loss.costs for loss in losses):
            yield self._report(
                losses,
                "the loss of the actor rises with the value that the critic gives to its actions: the update makes it "
                "choose what brings least",
                "Turn the sign: actor_loss = -critic(state, actor(state)).mean(), since an optimizer minimises.",
                "looks at the loss, in all of which it rises with the value",
            )

    def _report(
        self, losses: Sequence[ActorLoss], summary: str, advice: str, note: str, *, cause: str | None = None
    ) -> Finding:
        return self.about(
            losses[-1],
            summary,
            advice,
            value=float(len(losses)),
            threshold=float(self.looks),
            since=losses[0].step,
            note=note,
            severity="error",
            confidence=0.85,
            cause=cause,
        )

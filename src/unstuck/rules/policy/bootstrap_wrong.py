"""L401: targets that a network makes itself are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import Bootstrap
from unstuck.rules.policy.returns import BEYOND, first_by_place, largest_return
from unstuck.rules.rule import Rule

__all__ = ["BootstrapWrong"]


@dataclass(frozen=True, kw_only=True)
class BootstrapWrong(Rule):
    r"""Values are learnt from targets :math:`y = r + \gamma v` that lack the end of episodes, or that are trained too.

    Detects:
        A gradient that flows back through targets to the weights that are trained. Targets that take the discounted
        value of what follows at every transition, also where a flag beside the batch marks transitions whose rewards
        are of another kind than all others, or where every reward is the same: then no target says that an episode
        ended. Targets nearly all of which are a reward alone. Targets for the greatest value of a state in place of
        that of the action which was taken. Targets that have grown larger than any sum of discounted rewards.

    Why it matters:
        Without an end, what follows the last step is valued as if the episode went on, and where each step is worth the
        same, all states are. A gradient through the target moves the target to the value: both can fall together.

    Evidence:
        What is added up outside of networks, followed from their outputs to the loss: rewards, factors, and how many
        targets have nothing of a network in them.

    Known false positives:
        Residual gradients on purpose (Baird 1995). Tasks that never end have no flags that would tell rewards apart;
        episodes that are cut off by a limit of time are rightly bootstrapped, and so are silent. Actions that are
        always the greedy ones, of a policy that explores nothing.

    Try:
        Multiply what follows by ``(1 - terminated)``; compute the target under ``torch.no_grad()``.

    References:
        Sutton and Barto, "Reinforcement learning", 2018, sections 3.4, 6.1 and 11.5; Baird, "Residual algorithms",
        ICML 1995; Pardo et al., "Time limits in reinforcement learning", ICML 2018.
    """

    code = "L401"
    name = "bootstrap wrong"
    cause = "bootstrap-wrong"
    needs = (Bootstrap,)

    fewest: int = 500  #: transitions below which an end may just not have been seen (our choice)
    mostly: float = 0.8  #: share of ends above which an episode has hardly more than one step (our choice)
    apart: float = 3.0  #: standard deviations of other rewards, from which the marked are of another kind (our choice)
    beyond: float = BEYOND  #: times the greatest sum of discounted rewards: rewards that were not seen may be larger

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        sites = {(fact.file, fact.line): fact for fact in run.facts(Bootstrap)}
        first = first_by_place(run.facts(Bootstrap))
        for place, fact in sites.items():
            found = self._gradient(fact) or self._greedy(fact) or self._ends(fact) or self._inverted(fact)
            found = found or self._size(fact, first[place])
            if found is not None:
                yield found

    def _gradient(self, fact: Bootstrap) -> Finding | None:
        if not fact.gradient:
            return None
        return self.about(
            fact,
            "the targets carry a gradient: they are made of the outputs of the network that is trained, and the loss "
            "moves them towards its values",
            "Compute the target under torch.no_grad(), or detach() it.",
            value=1.0,
            threshold=0.0,
            note="targets through which a gradient flows",
            severity="error",
            confidence=0.85,
        )

    def _greedy(self, fact: Bootstrap) -> Finding | None:
        if fact.transitions < self.fewest or fact.greedy < fact.transitions:
            return None
        return self.about(
            fact,
            f"the value that learns is in all {fact.transitions:,} transitions the greatest of its state, and not that "
            "of the action that was taken: rewards are put down to actions that did not bring them",
            "Pick the value of the action that was taken: values.gather(1, action.unsqueeze(1)).squeeze(1).",
            value=float(fact.greedy),
            threshold=float(fact.transitions),
            note="transitions whose greatest value learns",
            severity="error",
            confidence=0.85,
            cause="labels-mismatched",
        )

    def _inverted(self, fact: Bootstrap) -> Finding | None:
        alone = fact.ended / max(1, fact.transitions)
        if not fact.masked or fact.transitions < self.fewest or not self.mostly < alone < 1.0:
            return None
        return self.about(
            fact,
            f"{alone:.0%} of the targets are a reward alone, as if nearly every step ended an episode: what follows is "
            "kept where it should be dropped, or the mask holds for too much",
            "Multiply the value of what follows by (1 - terminated): zero where an episode is over, one elsewhere.",
            value=alone,
            threshold=self.mostly,
            note="share of the targets that are a reward alone",
            severity="error",
            confidence=0.8,
        )

    def _ends(self, fact: Bootstrap) -> Finding | None:
        if fact.ended or fact.transitions < self.fewest or not fact.plain:
            return None
        marked = fact.apart is not None and fact.apart > self.apart
        same = fact.lowest == fact.highest != 0.0
        if not (marked or same):
            return None
        why = (
            f"{fact.flagged} are marked by a variable beside them, and have other rewards than the rest"
            if marked
            else f"every reward is {fact.highest:.3g}, so that all states are worth the same"
        )
        return self.about(
            fact,
            f"no episode ends in the targets: all {fact.transitions:,} take the value of what follows; {why}",
            "Multiply the value of what follows by (1 - terminated), for episodes that are over and not cut off.",
            value=float(fact.ended),
            threshold=1.0,
            note=f"targets that are a reward alone, of {fact.transitions:,}",
            severity="error",
            confidence=0.85 if same else 0.8,
        )

    def _size(self, fact: Bootstrap, first: Bootstrap) -> Finding | None:
        bound = largest_return(fact)
        if bound is None or fact.transitions < self.fewest or not fact.late > self.beyond * bound:
            return None
        if first is not fact and fact.late < first.late:
            return None  # what they began with is wearing off
        return self.about(
            fact,
            f"targets are as large as {fact.late:.3g}, and rewards of at most "
            f"{max(abs(fact.lowest), abs(fact.highest)):.3g} with a discount of {fact.discount:.3g} add up to "
            f"{bound:.3g}: the values feed on themselves",
            "Make targets by a copy of the network that follows slowly, clip them to what rewards allow, or lower the "
            "learning rate.",
            value=fact.late / bound,
            threshold=self.beyond,
            note="targets over the greatest sum of discounted rewards",
            severity="error",
            confidence=0.8,
        )

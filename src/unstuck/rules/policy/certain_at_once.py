"""L706: steps so large that a policy is certain before it has tried anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.learning.policies import of_policy
from unstuck.record import Finding, Run, signals
from unstuck.record.facts import PolicyEntropy, PolicyTerm
from unstuck.rules.rate import rate_in_words
from unstuck.rules.rule import Rule
from unstuck.rules.step_size import Steps

__all__ = ["CertainAtOnce"]


@dataclass(frozen=True, kw_only=True)
class CertainAtOnce(Rule):
    r"""The first updates of a policy are so large that it is certain of one action, and tries no other any more.

    Detects:
        An entropy that begins high and is next to nothing within the first updates, though the loss asks for entropy,
        where these updates change the weights by a tenth and more of their size.

    Why it matters:
        A policy learns from what it tries. One that is certain after a few steps of the optimizer has seen next to
        nothing, and the gradient of a softmax that is saturated does not bring it back.

    Evidence:
        The entropy in the loss of each sampled step, and the size of the first updates against the weights.

    Known false positives:
        Problems so easy that a handful of updates solves them, learnt by such steps.

    Try:
        A rate ten times lower.

    References:
        Mnih et al., "Asynchronous methods for deep reinforcement learning", 2016, section 4; Henderson et al., "Deep
        reinforcement learning that matters", AAAI 2018.
    """

    code = "L706"
    name = "policy certain at once"
    cause = "lr-too-high"
    needs = (PolicyEntropy, PolicyTerm, signals.UPDATE_RATIO)

    open: float = 0.25  #: share of the greatest entropy at the first look, which such updates may have come before
    certain: float = 0.02  #: share of it below which one action is certain (our choice)
    first: float = 0.05  #: share of the updates within which that is at once (our choice)
    few: int = 200  #: updates of a training below which its first are too large a part of it (our choice)
    large: float = 0.1  #: change of the weights in one update, a hundred times what is usual (CS231n)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        looks = [look for look in run.facts(PolicyEntropy) if look.most]
        steps, losses = Steps.of(run), run.series(signals.LOSS)
        length = int(losses.steps[-1]) + 1 if len(losses) else 0
        asked = all(look.raised for look in looks)
        if not looks or not len(steps) or length < self.few or not asked or not of_policy(run.facts(PolicyTerm)):
            return
        ratio = steps.early()
        shares = [look.entropy / (look.most or 1.0) for look in looks]
        closed = next((place for place, share in enumerate(shares) if share < self.certain), None)
        if closed is None or shares[0] < self.open or max(shares[closed:]) >= self.certain or ratio < self.large:
            return
        look = looks[closed]
        if look.step > self.first * length:
            return
        yield self.about(
            look,
            f"after {look.step:,} of {length:,} updates the policy is certain of its action, and tries no other any "
            f"more: the first updates changed the weights by {ratio:.0%} of their size",
            f"Lower the learning rate{rate_in_words(run)} ten times, and watch the entropy: it should fall slowly, "
            "over most of the training.",
            value=look.entropy,
            threshold=self.certain * (look.most or 1.0),
            note=f"entropy of the policy in nats, {looks[0].entropy:.3g} at the start",
            severity="error",
            confidence=0.8,
        )

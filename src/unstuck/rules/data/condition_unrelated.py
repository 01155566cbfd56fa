"""D213: the classes, or other conditions, that a generator is given beside its examples are not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run, signals
from unstuck.record.facts import AddedNoise, Condition
from unstuck.rules.gates import losses
from unstuck.rules.rule import Rule

__all__ = ["ConditionUnrelated"]

MANY = 2
"""Kinds from which one of them may stand for none."""


@dataclass(frozen=True, kw_only=True)
class ConditionUnrelated(Rule):
    """A model that generates is given classes that its examples are not of, so that it learns to ignore them.

    Detects:
        Classes, or other conditions of few values, that enter a denoiser, a flow or an autoencoder beside its examples
        and have nothing to do with these: examples were shuffled without their labels, or drawn by another index. Or
        nearly all examples have the same condition, as where labels are to be dropped with a small probability and are
        kept with it.

    Why it matters:
        The loss falls as it does without conditions, since the examples themselves can be learnt. What is generated is
        as good as before, and of any class whatever is asked for.

    Evidence:
        Examples without their noise, as training met them: whether those of one kind are alike, by neighbours and by
        lines, compared with shuffled kinds.

    Known false positives:
        Kinds of which single examples hardly tell, such as who took a picture. Conditions that depend on another one,
        and those of more kinds than a fifth of the examples, are not judged.

    Try:
        Permute, filter and index examples and labels by one index: ``x, y = x[order], y[order]``. Print ten examples
        with their labels right before the model.

    References:
        Mirza and Osindero, "Conditional generative adversarial nets", 2014; Ho and Salimans, "Classifier-free diffusion
        guidance", 2022, algorithm 1.
    """

    code = "D213"
    name = "condition unrelated"
    cause = "labels-mismatched"
    needs = (Condition, signals.LOSS)
    applies_to = (losses(20),)

    chance: float = 5.0  #: standard deviations that unrelated kinds stay below; classes of data have 15 to 200
    examples: int = 300  #: examples from which it is said (our choice)
    others: int = 100  #: examples of other kinds than the commonest, below which they tell nothing (our choice)
    few: int = 50  #: the same, where it is asked what sets the commonest apart (our choice)
    dropped: float = 0.6  #: share of one kind above which labels are dropped too often: 0.1 to 0.2 is usual
    stands: float = 8.0  #: standard deviations of a correlation, from which noise stands in the input

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for fact in run.facts(Condition):
            if fact.examples < self.examples or not self._noised(run, fact):
                continue
            others = fact.examples * (1.0 - fact.commonest)
            most = fact.kinds > MANY and fact.commonest > self.dropped and others >= self.few
            if most and fact.apart is not None and fact.apart < self.chance:
                yield self._dropped(fact)
                return
            if fact.related is not None and fact.related < self.chance and others >= self.others:
                yield self._unrelated(fact)
                return

    def _noised(self, run: Run, fact: Condition) -> bool:
        """Whether noise that is drawn in its line is what the model is to take off its examples."""
        here = [noise for noise in run.facts(AddedNoise) if (noise.file, noise.line) == (fact.file, fact.line)]
        return all(
            min(abs(noise.in_input), max(abs(noise.in_target), abs(noise.together)))
            * (noise.examples * noise.values) ** 0.5
            > self.stands
            for noise in here
        )

    def _dropped(self, fact: Condition) -> Finding:
        return self.about(
            fact,
            f"{fact.commonest:.0%} of the examples are told one and the same of {fact.kinds} kinds, which nothing sets "
            "apart from the others: their own are dropped",
            "Drop the label of one example in ten or five: y = torch.where(torch.rand(len(y)) < 0.1, none, y).",
            value=fact.commonest,
            threshold=self.dropped,
            note=f"share of that kind among {fact.examples:,} examples",
            severity="error",
            confidence=0.8,
            cause="mask-wrong",
        )

    def _unrelated(self, fact: Condition) -> Finding:
        return self.about(
            fact,
            f"the model is told one of {fact.kinds} kinds with each example, and examples of one kind have no more in "
            "common than others: it learns to generate without",
            "Permute, filter and index examples and their labels by one index, and print ten of both right before the "
            "model.",
            value=fact.related or 0.0,
            threshold=self.chance,
            note=f"how far examples tell their kind, over {fact.examples:,} of them, in standard deviations of chance",
            severity="error",
            confidence=0.85,
        )

"""L301: one of several terms of a loss drowns the one that carries the task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import Loss, LossTerms
from unstuck.rules.gates import NO_GAME
from unstuck.rules.rule import Rule
from unstuck.rules.terms import LATE_LOOKS, UNLEARNT, Course, Task, courses, named, tasks

__all__ = ["LossTermsUnbalanced"]


@dataclass(frozen=True, kw_only=True)
class LossTermsUnbalanced(Rule):
    """One term of a sum is so heavy that the network learns it alone, and the task of another term not at all.

    Detects:
        A sum of several terms, one of which is a loss of targets that no better than a constant guess is reached for at
        the end, while another, thirty times as large from the start, has fallen by more than half.

    Why it matters:
        The total falls, and hides that what it was made for is not learnt: of two tasks with targets of different
        units, one alone is.

    Evidence:
        The terms as the graph of additions before the backward pass shows them, with their values, alone and as they
        are added; the loss of the best constant guess of the drowned term.

    Known false positives:
        Penalties and auxiliary losses that are light on purpose: a term that is multiplied by less than 1 is not
        taken for drowned, nor one that has no targets. Games of several networks are passed over. Where terms weigh
        differently because one is a mean and another a sum, L302 says so.

    Try:
        A weight by which the terms are of one size when training begins; a divergence that is warmed up from zero.

    References:
        Higgins et al., "beta-VAE", ICLR 2017; Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh
        losses", CVPR 2018.
    """

    code = "L301"
    name = "loss terms unbalanced"
    cause = "loss-terms-unbalanced"
    needs = (LossTerms, Loss)
    applies_to = (NO_GAME, LATE_LOOKS)

    heavy: float = 30.0  #: values of two terms when training begins: one and a half orders of magnitude (our choice)
    fallen: float = 0.5  #: share of the heavy term that is left, below which it was learnt (our choice)
    light: float = 0.999  #: factor below which a term is light on purpose

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        every = courses(run)
        for drowned in tasks(run):
            if not drowned.unlearnt or not drowned.course.factor >= self.light:
                continue
            others = [course for course in every if course.term != drowned.course.term]
            heaviest = max(others, key=lambda course: course.start)
            ratio = heaviest.start / max(drowned.course.start, 1e-30)
            if heaviest.end <= self.fallen * heaviest.start and ratio > self.heavy:
                yield self._report(drowned, heaviest, ratio)
                return

    def _report(self, drowned: Task, heavy: Course, ratio: float) -> Finding:
        return self.finding(
            f"{drowned.words} is not learnt: it ends at {drowned.course.level:.3g}, as a constant guess "
            f"gives; {named(heavy.term)} is {ratio:,.0f} times as large when training begins",
            "Weigh the terms so that they are of one size when training begins.",
            severity="error",
            confidence=0.85,
            where=Where(file=heavy.term.file, line=heavy.term.line),
            evidence=(
                Evidence(
                    signal=LossTerms.kind,
                    value=ratio,
                    threshold=self.heavy,
                    note="heavy term over the drowned one: values at the start",
                ),
                Evidence(
                    signal=LossTerms.kind,
                    value=drowned.gain,
                    threshold=UNLEARNT,
                    note=f"share of the drowned term that was learnt, from its constant guess of {drowned.guess:.3g}",
                ),
                Evidence(
                    signal=LossTerms.kind,
                    value=heavy.end / max(heavy.start, 1e-30),
                    threshold=self.fallen,
                    note="share of the heavy term that is left at the end: it was learnt",
                ),
            ),
        )

"""L305: a penalty on leaving the start holds the network there, and the task is not learnt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import Loss, LossTerms
from unstuck.rules.gates import NO_GAME
from unstuck.rules.rule import Rule
from unstuck.rules.terms import LATE_LOOKS, Course, Task, courses, named, tasks

__all__ = ["HeldAtStart"]

DEGREE = 2.0
"""Relative growth of a squared distance for each relative growth of the distance."""


@dataclass(frozen=True, kw_only=True)
class HeldAtStart(Rule):
    r"""A term that is zero at the start, and grows as the network leaves it, outweighs the task.

    Detects:
        A penalty on the distance from pre-trained weights (L2-SP, elastic weight consolidation, a proximal term), or
        on that of outputs from those of a reference, so strong that the network comes to rest near its start.

    Why it matters:
        Where it rests, the penalty pulls back as much as the task pulls forward. The task's loss stays high however
        long the training is, and the total looks converged.

    Evidence:
        The penalty is zero in the first step and has settled; the task has learnt less than half. Of a squared distance
        :math:`P` at rest, the task's loss would fall by :math:`2 P` for each relative growth of the distance.

    Known false positives:
        A leash that is short on purpose, where little is to be learnt and nothing to be forgotten.

    Try:
        Divide the factor by ten until the task is learnt; a mean over the weights in place of a sum.

    References:
        Li, Grandvalet and Davoine, "Explicit inductive bias for transfer learning with convolutional networks", ICML
        2018; Kirkpatrick et al., "Overcoming catastrophic forgetting in neural networks", PNAS 2017.
    """

    code = "L305"
    name = "held at the start"
    cause = "loss-terms-unbalanced"
    needs = (LossTerms, Loss)
    applies_to = (NO_GAME, LATE_LOOKS)

    zero: float = 1e-3  #: first value over that at the end, up to which the start has none of it
    settled: float = 1.2  #: largest over smallest of the last looks, up to which it has come to rest (our choice)
    learnt: float = 0.5  #: share of the task that is learnt, from which on the leash is long enough (our choice)
    price: float = 0.3  #: share of the task's loss that is saved for each relative growth of the distance, as in R201

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        leashes = [course for course in courses(run) if self._holds(course)]
        for task in tasks(run):
            others = [course for course in leashes if course.term != task.course.term]
            if others and task.gain < self.learnt:
                leash = max(others, key=lambda course: course.end)
                price = DEGREE * leash.end / max(task.course.end, 1e-30)
                if price >= self.price:
                    yield self._report(task, leash, price)
                    return

    def _holds(self, course: Course) -> bool:
        """Whether a term is nothing at the start and has grown to where it stays."""
        late = course.weighted[-course.late :]
        rest = min(late) > 0 and max(late) <= self.settled * min(late)
        return rest and abs(course.values[0]) <= self.zero * abs(course.level)

    def _report(self, task: Task, leash: Course, price: float) -> Finding:
        return self.finding(
            f"{named(leash.term)}, which is zero at the start, holds the network there: it rests at {leash.end:.3g}, "
            f"and {task.words} at {task.course.level:.3g}, where a constant guess gives {task.guess:.3g}",
            "Divide the factor of the penalty by 100, and multiply it by ten as long as the task is learnt.",
            severity="error",
            confidence=0.85,
            where=Where(file=leash.term.file, line=leash.term.line),
            evidence=(
                Evidence(
                    signal=LossTerms.kind,
                    value=price,
                    threshold=self.price,
                    note="share of the task's loss that is saved for each share by which the distance grows",
                ),
                Evidence(
                    signal=LossTerms.kind,
                    value=task.gain,
                    threshold=self.learnt,
                    note="share of the task that was learnt",
                ),
            ),
        )

"""Which training steps to sample, so that watching stays within its share of the time."""

from __future__ import annotations

import math

from unstuck.observe.budget import WORTHWHILE_SECONDS, Budget

__all__ = ["DENSE_SECONDS", "Sampler", "agreed"]

DENSE = 16
"""Steps at the start that are all sampled: how training begins says most about its health."""

FEWEST = 7
"""Steps at the start that are sampled of every training that is watched: fewer tell nothing."""

DEAR_SECONDS = 0.1
"""Cost of a sample above which even these have to be paid from the budget, but for the first two."""

DENSE_SECONDS = 0.6
"""Seconds that they may take, beside the budget: part of the start-up."""

GROWTH = 1.08
"""After these, a sample is wanted whenever the number of steps has grown by this factor: 9 samples a doubling."""

LONGEST = 1.5
"""Growth of the number of steps after which one is sampled whatever it costs, so that the end of no training is unseen:
six samples from 16 to 200 steps, eighteen to 20,000."""


def agreed(step: int) -> bool:
    """Whether a step is one of those that all processes of a sharded training measure, without asking each other.

    Like the coverage of a :class:`Sampler`, but by the number of the step alone; in pairs, since successive gradients
    are compared.

    Examples:
        >>> [step for step in range(100) if agreed(step)][-8:]
        [75, 76, 81, 82, 87, 88, 94, 95]
        >>> sum(agreed(step) for step in range(1000, 2000))
        18
    """
    return step < DENSE or _stage(step) > _stage(step - 2)


def _stage(step: int) -> int:
    """How many times the number of steps has grown since the dense start."""
    return math.floor(math.log(max(step, DENSE - 1) / DENSE) / math.log(GROWTH))


class Sampler:
    """Decide after each step whether the next one is sampled.

    Two wishes are joined. *Coverage*: the first :data:`DENSE` steps, then a sample each time the number of steps has
    grown by :data:`GROWTH`, which is dense where training changes fast, and few enough for a slow machine to reach the
    end. *Use of the budget*: a sample is also taken as soon as the budget has ample room for it. After the first steps,
    coverage may not exceed what is :meth:`~.budget.Budget.allowed`, but for a few samples (:data:`LONGEST`), and use
    may not exceed the budget. What other trainings of the program have taken from the budget counts too.

    Args:
        budget: The program's.

    Attributes:
        together: Whether only steps are sampled that all processes have :func:`agreed` on.

    Examples:
        >>> from unstuck.observe.budget import Budget
        >>> sampler = Sampler(Budget(0.02))
        >>> [step for step in range(1, 80) if sampler.due(step, elapsed=0.0)][14:22]
        [15, 17, 19, 21, 23, 25, 27, 30]
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.together = False
        self._last = 0
        self._cost = 0.0
        self._spent = 0.0

    def due(self, step: int, *, elapsed: float) -> bool:
        """Whether to sample ``step``.

        Args:
            step: Number of the step that comes next.
            elapsed: Seconds since the program's first training began.
        """
        spent = self.budget.on_samples
        if self._last == step - 1:
            self._cost = spent - self._spent
        self._spent = spent
        if self.budget.granted is None and step >= DENSE:
            self.budget.granted = spent
        wanted = self.expected(step, elapsed=elapsed)
        if wanted:
            self._last = step
        return wanted

    def rest(self, step: int) -> tuple[int, float]:
        """Until when :meth:`due` would go on to say no, after it has said so for ``step``.

        Returns:
            The step, and the seconds of the program, of which the first that comes ends the rest, if nothing is spent.
        """
        if self.together or step < DENSE:
            return step, 0.0
        beside, share = self.budget.beside_start, self.budget.share
        ample = (beside + 4 * self._cost) / share
        covering = math.ceil(GROWTH * self._last)
        if step < covering:
            return covering, ample
        seconds = (beside + self._cost) / share
        return self._overdue, min(ample, max(seconds, 0.0) ** 2 / WORTHWHILE_SECONDS, seconds)

    @property
    def _overdue(self) -> int:
        """The step that is sampled at the latest."""
        return math.ceil(LONGEST * max(self._last, DENSE))

    def expected(self, step: int, *, elapsed: float) -> bool:
        """What :meth:`due` would answer now; nothing is decided."""
        budget = self.budget
        room = budget.allowed(elapsed) - budget.beside_start
        if step < DENSE:
            # Of the first training they are part of the start-up; others pay them, but where there are many,
            # seeing another one tells more.
            paid = room >= self._cost and not budget.many
            within = paid if budget.granted is not None else budget.on_samples < DENSE_SECONDS
            return step == 1 or within or (step < FEWEST and self._cost < DEAR_SECONDS)
        covering = agreed(step) if self.together else step >= GROWTH * self._last
        if self.together and not covering:
            return False
        if not self.together and step >= self._overdue:
            return True
        ample = budget.share * elapsed - budget.beside_start > 4 * self._cost
        return ample or (covering and room >= self._cost)

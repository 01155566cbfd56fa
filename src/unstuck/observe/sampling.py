"""Which training steps to sample, so that watching stays within its share of the time."""

from __future__ import annotations

import math

from unstuck.errors import ArgumentError

__all__ = ["DEFAULT_BUDGET", "DENSE_SECONDS", "Sampler", "agreed", "check_budget"]

DEFAULT_BUDGET = 0.02
"""Share of the training time that observing may take."""

WORTHWHILE_SECONDS = 120.0
"""Length of a training from which the budget is held to the letter; see :meth:`Sampler.allowed`."""

DENSE = 16
"""Steps at the start that are all sampled: how training begins says most about its health."""

DENSE_SECONDS = 0.6
"""Seconds that they may take, beside the budget: part of the start-up."""

GROWTH = 1.08
"""After these, a sample is wanted whenever the number of steps has grown by this factor: 9 samples a doubling."""

LONGEST = 1.5
"""Growth of the number of steps after which one is sampled whatever it costs, so that the end of no training is unseen:
six samples from 16 to 200 steps, eighteen to 20,000."""


def check_budget(budget: float) -> None:
    """Refuse a budget that is no share.

    Raises:
        ArgumentError: It is not above 0 and at most 1.
    """
    if not 0.0 < budget <= 1.0:
        raise ArgumentError(
            f"budget={budget!r}: a share of the training time above 0 and at most 1 is accepted, such as 0.02"
        )


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
    coverage may not exceed what is :meth:`allowed`, but for a few samples (:data:`LONGEST`), and use may not exceed the
    budget.

    Args:
        budget: Share of the training time, above 0 and at most 1.

    Attributes:
        together: Whether only steps are sampled that all processes have :func:`agreed` on.

    Raises:
        ArgumentError: The budget is out of range.

    Examples:
        >>> sampler = Sampler(budget=0.02)
        >>> [step for step in range(1, 80) if sampler.due(step, elapsed=0.0, spent=0.0)][14:22]
        [15, 17, 19, 21, 23, 25, 27, 30]
    """

    def __init__(self, *, budget: float = DEFAULT_BUDGET) -> None:
        check_budget(budget)
        self.budget = budget
        self.together = False
        self._last = 0
        self._cost = 0.0
        self._spent = 0.0
        self._dense_spent = 0.0

    def allowed(self, elapsed: float) -> float:
        r"""Seconds that may have been spent after a training of ``elapsed`` seconds, beside its first steps.

        .. math:: \beta \sqrt{t \max(t, t_1)}

        With the budget :math:`\beta` and :math:`t_1` of :data:`WORTHWHILE_SECONDS`: a training of two
        minutes pays the budget; a shorter one, of which one sees less, pays what lies half-way to that of two minutes,
        by ratio. With a budget of 2%, a training of 5 s may pay 10%, one of 30 s 4%; what a sample costs on an idle
        machine seldom comes to that.
        """
        return self.budget * math.sqrt(elapsed * max(elapsed, WORTHWHILE_SECONDS))

    def due(self, step: int, *, elapsed: float, spent: float) -> bool:
        """Whether to sample ``step``.

        Args:
            step: Number of the step that comes next.
            elapsed: Seconds since training began.
            spent: Seconds that observing took of them so far.
        """
        if self._last == step - 1:
            self._cost = spent - self._spent
        self._spent = spent
        if step < DENSE:
            self._dense_spent = spent
        wanted = self.expected(step, elapsed=elapsed, spent=spent)
        if wanted:
            self._last = step
        return wanted

    def rest(self, step: int, *, spent: float) -> tuple[int, float]:
        """Until when :meth:`due` would go on to say no, after it has said so for ``step``.

        Returns:
            The step, and the seconds of training, of which the first that comes ends the rest, if nothing is spent.
        """
        if self.together or step < DENSE:
            return step, 0.0
        beside = spent - self._dense_spent
        ample = (beside + 4 * self._cost) / self.budget
        covering = math.ceil(GROWTH * self._last)
        if step < covering:
            return covering, ample
        seconds = (beside + self._cost) / self.budget
        return self._overdue, min(ample, max(seconds, 0.0) ** 2 / WORTHWHILE_SECONDS, seconds)

    @property
    def _overdue(self) -> int:
        """The step that is sampled at the latest."""
        return math.ceil(LONGEST * max(self._last, DENSE))

    def expected(self, step: int, *, elapsed: float, spent: float) -> bool:
        """What :meth:`due` would answer now; nothing is decided."""
        if step < DENSE:
            return step == 1 or spent < DENSE_SECONDS
        beside = spent - self._dense_spent
        covering = agreed(step) if self.together else step >= GROWTH * self._last
        if self.together and not covering:
            return False
        if not self.together and step >= self._overdue:
            return True
        ample = self.budget * elapsed - beside > 4 * self._cost
        return ample or (covering and self.allowed(elapsed) - beside >= self._cost)

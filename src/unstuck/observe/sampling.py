"""Which training steps to sample, so that watching stays within its share of the time."""

from __future__ import annotations

from unstuck.errors import ArgumentError

__all__ = ["ALLOWANCE_SECONDS", "DEFAULT_BUDGET", "Sampler"]

DEFAULT_BUDGET = 0.02
"""Share of the training time that observing may take."""

ALLOWANCE_SECONDS = 0.4
"""Seconds that observing may take beyond the budget, once, so that a short training is sampled well too."""

ALLOWANCE_SHARE = 0.1
"""The allowance is given out as this share of the elapsed time, so that the first seconds do not use it up."""

DENSE = 16
"""Steps at the start that are all sampled: how training begins says most about its health."""

PER_OCTAVE = 32
"""Samples wanted each time the number of steps doubles."""


class Sampler:
    """Decide after each step whether the next one is sampled.

    Two wishes are joined. *Coverage*: the first :data:`DENSE` steps, then :data:`PER_OCTAVE` samples each time the
    number of steps doubles, which is dense where training changes fast. *Use of the budget*: in a long training that
    coverage gets thin, so a sample is also taken as soon as the budget has ample room for it. After the first steps,
    neither may exceed the budget and the allowance.

    Args:
        budget: Share of the training time, above 0 and at most 1.

    Raises:
        ArgumentError: The budget is out of range.

    Examples:
        >>> sampler = Sampler(budget=0.02)
        >>> [step for step in range(1, 80) if sampler.due(step, elapsed=step * 1e-3, spent=0.0)][14:22]
        [15, 16, 17, 18, 19, 20, 21, 22]
    """

    def __init__(self, *, budget: float = DEFAULT_BUDGET) -> None:
        if not 0.0 < budget <= 1.0:
            raise ArgumentError(
                f"budget={budget!r}: a share of the training time above 0 and at most 1 is accepted, such as 0.02"
            )
        self.budget = budget
        self._last = 0
        self._cost = 0.0
        self._spent = 0.0
        self._dense_spent = 0.0

    def allowance(self, elapsed: float) -> float:
        """Seconds beyond the budget that may have been spent by now."""
        return min(ALLOWANCE_SECONDS, ALLOWANCE_SHARE * elapsed)

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
            wanted = step == 1 or spent < ALLOWANCE_SECONDS
        else:
            room = self.budget * elapsed - (spent - self._dense_spent)
            allowance = self.allowance(elapsed)
            covering = step - self._last >= max(1, step // PER_OCTAVE)
            wanted = room > 4 * self._cost or (covering and room + allowance > self._cost)
        if wanted:
            self._last = step
        return wanted

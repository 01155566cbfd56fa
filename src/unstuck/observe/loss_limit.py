"""The loss above which a step is looked at: one comparison a step, renewed as losses are written."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from unstuck.learning.spikes import WINDOW, highest_usual

__all__ = ["LossLimit"]

MOST_CROSSED = 32
"""Steps that are looked at."""


class LossLimit:
    """Follow the losses of a training.

    Attributes:
        value: The highest loss that is usual now; infinite where none is known, and when enough have crossed it.

    Examples:
        >>> limit = LossLimit()
        >>> limit.renew([1.0] * 64)
        >>> limit.crosses(2.0), limit.crosses(50.0), limit.crosses(40.0)
        (False, True, False)
    """

    def __init__(self) -> None:
        self.value = math.inf
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._crossed = 0

    def renew(self, losses: Iterable[float]) -> None:
        """Take in losses that are known."""
        if self._crossed < MOST_CROSSED:
            self._recent.extend(losses)
            self.value = highest_usual(self._recent)

    def crosses(self, loss: float) -> bool:
        """Whether a loss lies above; what follows must lie above that one, until the limit is renewed."""
        if not loss > self.value:
            return False
        self._crossed += 1
        self.value = loss if self._crossed < MOST_CROSSED else math.inf
        return True

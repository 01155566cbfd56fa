"""How far a loss came down, beside how far it can."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

__all__ = ["FALLEN", "NEARLY", "Fall"]

FALLEN = 0.05
"""Share of the first loss by which one must fall whose floor is not known (our choice)."""
HALF = 0.5
"""Share of the first loss to which one comes that is not known to be able to come to its floor (our choice)."""
FAR = 0.1
"""Share of the first loss that is left where one is far above its floor, after it stopped falling (our choice)."""
NEARLY = 0.02
"""Share of the first loss, above what the targets allow at best, that counts as nearly zero."""


@dataclass(frozen=True, kw_only=True)
class Fall:
    """The losses of a training on few examples.

    Attributes:
        curve: The loss before each step.
        start: The loss of knowing nothing: a start that is lucky by its weights is no reason to ask for more. Where
            that is not known, the first loss.
        least: What no loss falls below on these targets; None where it is not known.
        reachable: Whether a model that learns can come to it: one answer an example can be learned by heart, a picture
            behind a bottleneck cannot.
    """

    curve: tuple[float, ...]
    start: float
    least: float | None
    reachable: bool

    @property
    def bound(self) -> float:
        """The loss at which nearly nothing is left."""
        least = self.least or 0.0
        start = max(self.start, self.curve[0])
        if self.least is None and start <= 0.0:
            return -math.inf  # zero is nothing special for this loss
        return least + NEARLY * max(start - least, 0.0)

    @property
    def arrived(self) -> bool:
        """Whether nearly nothing is left."""
        return self.curve[-1] <= self.bound

    @property
    def late(self) -> float:
        """The loss about which its last quarter lies; not finite where one of these is not."""
        late = self.curve[-max(len(self.curve) // 4, 1) :]
        return median(late) if all(map(math.isfinite, late)) else math.inf

    @property
    def fell(self) -> bool:
        """Whether it came down by far more than it moves from step to step."""
        late = self.curve[-max(len(self.curve) // 4, 1) :]
        return math.isfinite(self.curve[-1]) and self.curve[0] - max(late) > FALLEN * abs(self.curve[0])

    @property
    def still_falls(self) -> bool:
        """Whether the last quarter lies below the one before it."""
        quarter = len(self.curve) // 4
        if not quarter:
            return False
        before, late = median(self.curve[-2 * quarter : -quarter]), median(self.curve[-quarter:])
        return before - late > NEARLY * abs(self.curve[0] - late)

    @property
    def left(self) -> float:
        """Share of the first loss, above the floor, that was left at the best step of the last quarter."""
        reached = min(self.curve[-max(len(self.curve) // 4, 1) :])
        least = self.least or 0.0
        whole = min(self.curve[0], self.start) - least
        return (reached - least) / whole if whole > 0.0 else math.nan

    @property
    def halved(self) -> bool:
        """Whether half of what there was to lose is gone."""
        return self.left <= HALF

    @property
    def close(self) -> bool:
        """Whether what is left is little, or becomes less."""
        return self.left <= FAR or (self.halved and self.still_falls)

    @property
    def expected(self) -> str:
        """What is asked of the last loss."""
        if self.least is None:
            return f"a loss that falls by {FALLEN:.0%}; below what it cannot fall is not known"
        above = f" above {self.least:.3g}, which its targets leave" if self.least > 0.0 else ""
        if self.reachable:
            return f"at most {FAR:.0%} of the first loss{above}"
        return f"at most half of the first loss{above}; how far below that this model can come is not known"

    def __str__(self) -> str:
        """Where it ended, in the words that follow its numbers."""
        if self.arrived:
            above = f", where {self.least:.3g} is the least that its targets allow" if self.least else ""
            return f"{above} (random pixels can be learned by heart as well: this shows nothing of generalisation)"
        ended = f", where it {'falls still' if self.still_falls else 'stopped falling'}"
        if self.least is None:
            return f"{ended}: how far it can fall is not known"
        least = f"; {self.least:.3g} is the least that its targets allow" if self.least else ""
        return f"{ended}{least}" + ("" if self.reachable else ": how far below that this model can come is not known")

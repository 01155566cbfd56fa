r"""Weights of which every update takes a share, whatever the gradient says: a decay that an optimizer makes by itself.

Of an update :math:`\Delta w = -\lambda w + u`, where what the loss asks for, :math:`u`, is at right angles to the
weights, the norm falls by :math:`\lambda \lVert w \rVert`. What an optimizer states as its weight decay is a number;
what it does with it shows in the norms of weights and updates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unstuck.record import Run, signals
from unstuck.record.facts import Optimizer
from unstuck.rules.pull import norms
from unstuck.rules.rate import learning_rate

__all__ = ["Shrinking"]

EARLY = 100
"""Steps at the start that are looked at, until half of the fall is done: later, the decay and the gradient balance."""

INTERVALS = 2
"""Intervals between sampled steps, at least, in which half of the fall is done."""

LEAST = 1e-3
"""Share of the weights in one update, below which there are hundreds of steps to learn in first (our choice)."""

KEPT = 0.8
"""Norm of the weights at the end, over that at the start, below which what they were drawn as is lost (our choice)."""

HALF = 0.5
"""Fall of the weights' norm over the length of their way, above which that is the first thing that updates do: those at
right angles to the weights have none (our choice)."""

GOOD_PART = 0.3
"""The same where the optimizer states a decay of just that size (our choice)."""

ALIKE = 0.25
"""Relative distance from the stated decay, within which it is the one that acts (our choice)."""

UNASKED = 0.4
"""Cosine of update and gradient, below which the gradient asks for little of the update: the first ones of Adam have
0.5 to 0.7 (our measurement)."""

EXPLAINED = 10.0
"""Factor between what updates take and the rate times the stated decay, up to which that may be the reason."""


@dataclass(frozen=True, kw_only=True)
class Shrinking:
    """What updates take off the weights.

    Attributes:
        share: Of the norm of all weights, in one update.
        part: The fall of that norm, over the length of the weights' way.
        stated: The weight decay, where it acts as it is stated and not times the learning rate; otherwise None.
        least: The part from which on it counts.
        kept: Norm of the weights at the end, over that at the start.
    """

    share: float
    part: float
    stated: float | None
    least: float
    kept: float

    @classmethod
    def of(cls, run: Run) -> Shrinking | None:
        """Measure it; None where updates do not shrink the weights by themselves, or were not sampled."""
        weights, updates = run.table(signals.WEIGHT_NORM), run.table(signals.UPDATE_NORM)
        size = dict(zip(weights.steps.tolist(), norms(weights).tolist(), strict=True))
        moved = dict(zip(updates.steps.tolist(), norms(updates).tolist(), strict=True))
        known = [step for step in size if step < EARLY and size[step] > 0 and moved.get(step, 0.0) > 0]
        steps, w, u = (np.array(values) for values in (known, [size[s] for s in known], [moved[s] for s in known]))
        half = int(np.argmax(w <= (w[0] + w.min()) / 2)) if len(w) else 0
        if half < INTERVALS:
            return None
        length = float((np.sqrt(u[:half] * u[1 : half + 1]) * np.diff(steps[: half + 1])).sum())
        share = float(np.log(w[0] / w[half])) / float(steps[half] - steps[0])
        part = float(w[0] - w[half]) / length
        decay, rate = _settings(run)
        if rate * decay > share / EXPLAINED:
            return None
        stated = decay if decay and abs(share / decay - 1.0) < ALIKE else None
        least = HALF if stated is None else GOOD_PART
        if part < least or share < LEAST or (stated is None and _asked(run, int(steps[half])) > UNASKED):
            return None
        ends = norms(weights)
        if not ends[-1] < KEPT * ends[0]:
            return None
        return cls(share=share, part=part, stated=stated, least=least, kept=float(ends[-1] / ends[0]))


def _settings(run: Run) -> tuple[float, float]:
    """The largest weight decay that the optimizer states, and its rate."""
    optimizer = run.fact(Optimizer)
    decays = (group.weight_decay or 0.0 for group in optimizer.groups) if optimizer else ()
    return max(decays, default=0.0), learning_rate(run) or 0.0


def _asked(run: Run, last: int) -> float:
    """Cosine of update and gradient up to a step; 1 where it was not measured."""
    cosines = run.table(signals.UPDATE_GRADIENT_COSINE)
    early = np.abs(cosines.values[cosines.steps <= last])
    early = early[np.isfinite(early)]
    return float(np.median(early)) if len(early) else 1.0

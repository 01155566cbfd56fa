"""What became of each method in a race, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unstuck.surfaces.race import Track

__all__ = ["Outcome", "outcomes"]

Floats = NDArray[np.float64]
Kind = Literal["arrives", "bounces", "diverges", "meets NaN", "stands still", "crawls", "wanders", "is on its way"]
ARRIVED = 0.01  #: share of what there was to do at the start
REVERSAL = -0.3  #: mean cosine of successive steps below which they bounce
STILL = 1e-6  #: norm of the gradient, as a share of the first one
SLOW = 0.01  #: share that the last tenth of the steps takes away
HUGE = 1e12  #: times the first loss, below which a NaN comes from the function and not from diverging
RECENT = 100  #: steps
FALLING = -0.7  #: correlation of what is left with time, below which it falls in spite of the noise


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of one method.

    Attributes:
        kind: What it did in the end.
        step: From when on: where it has arrived to stay, diverged, or met a loss that is NaN; else the last step.
        left: Share that is left, on average over the last quarter where it wanders; NaN where it diverged.
        of: Of what: the way to the minimum where it is known, else the loss above the lowest that any method has met.
    """

    kind: Kind
    step: int
    left: float
    of: Literal["way", "loss"]

    def __str__(self) -> str:
        if self.kind in ("arrives", "diverges", "meets NaN"):
            return f"{self.kind} at step {self.step:,}"
        if self.kind == "wanders":
            return f"wanders, {self.left:.1%} of the {self.of} left on average"
        left = "further away than at the start" if self.left > 1 else f"{self.left:.1%} of the {self.of} left"
        return f"{self.kind}, {left}"


def outcomes(tracks: Sequence[Track]) -> list[Outcome]:
    """The end of each method, in the order of the tracks.

    Example:
        >>> from unstuck.surfaces import SURFACES, Entry, race
        >>> entries = [Entry.parse(text) for text in ("sgd lr=0.09", "sgd lr=1e-6", "sgd lr=0.11")]
        >>> for outcome in outcomes(race(SURFACES["bowl"], entries, steps=5000)):
        ...     print(outcome)
        arrives at step 48
        crawls, 97.1% of the way left
        diverges at step 1,937
    """
    met = [float(np.nanmin(track.losses[: track.last + 1])) for track in tracks]
    return [_outcome(track, _left(track, min(met))) for track in tracks]


def _left(track: Track, lowest: float) -> Floats:
    """What is left at each step: of the way to the minimum, in shares of the window, or of the loss."""
    surface = track.surface
    if surface.minimum is None:
        above = track.losses - lowest
        if above[0] <= 0:  # no method has found a lower loss, which does not make the start a minimum
            return np.ones_like(above)
    else:
        left, right, low, high = surface.window
        above = np.hypot(*((track.points - surface.minimum) / (right - left, high - low)).T)
    return above / max(float(above[0]), 1e-300)


def _outcome(track: Track, left: Floats) -> Outcome:
    what = "loss" if track.surface.minimum is None else "way"
    if track.diverged:
        kind: Kind = "meets NaN" if _undefined(track) else "diverges"
        return Outcome(kind=kind, step=track.last, left=float("nan"), of=what)
    high = np.flatnonzero(left > ARRIVED)
    if left[-1] <= ARRIVED:
        return Outcome(kind="arrives", step=int(high[-1]) + 1 if len(high) else 0, left=float(left[-1]), of=what)
    recent = left[-max(len(left) // 4, 2) :]
    if track.entry.noise and np.corrcoef(recent, np.arange(len(recent)))[0, 1] > FALLING:
        return Outcome(kind="wanders", step=track.steps, left=float(recent.mean()), of=what)
    return Outcome(kind=_unfinished(track, left), step=track.steps, left=float(left[-1]), of=what)


def _undefined(track: Track) -> bool:
    """Whether the function has no value where the method ended, though no loss was large before."""
    before = np.abs(track.losses[: track.last])
    return bool(np.isnan(track.losses[track.last]) and before.max(initial=0.0) < HUGE * (1 + abs(track.losses[0])))


def _unfinished(track: Track, left: Floats) -> Kind:
    moves = track.moves[:-1][-RECENT:]
    lengths = np.hypot(*moves.T)
    with np.errstate(all="ignore"):
        cosines = (moves[1:] * moves[:-1]).sum(axis=1) / (lengths[1:] * lengths[:-1])
    if len(cosines) and np.nanmean(np.nan_to_num(cosines)) < REVERSAL:
        return "bounces"
    norms = track.gradient_norms
    if norms[-1] <= STILL * norms[0]:
        return "stands still"
    return "crawls" if abs(left[-1 - len(left) // 10] - left[-1]) < SLOW else "is on its way"

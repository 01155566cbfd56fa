"""What a change did: bounded trainings with it held against the same ones without, a pure function of recorded runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from unstuck.confirm.reading import YARDSTICKS, Reading, Yardstick, reading
from unstuck.record import Run
from unstuck.record.signals import LOSS

__all__ = ["CERTAIN", "LEAST", "Effect", "Says", "effect", "length"]

Says = Literal["restores", "helps", "nothing", "harms", "unknown"]

CERTAIN = 3.0
"""Standard errors that a difference must have to be one."""

LEAST = 0.05
"""Share of what there is to learn below which a difference is nothing, as in the theory of learning (our choice)."""

RESTORED = 0.5
"""Share of what the control leaves that is learnt with the change where learning is restored (our choice)."""

STUCK = 0.2
"""Share of what there is to learn that a training has learnt at most where it does not learn."""

SAME = 0.1
"""Relative difference of the losses of a guess up to which both are of one loss: batches of a trial hold other targets
(our choice)."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a change did.

    Attributes:
        yardstick: By what it is told.
        before: The number without the change, as the user knows it; that of the first draw, which is the run's own:
            others may draw other data.
        after: The same with it.
        start: The number before anything was learnt; NaN where that is not known.
        gain: Difference of the shares of what there is to learn.
        noise: Standard error of that, from the seeds where there are several, and from the batches.
        left: Share that the control leaves to be learnt.
        rescaled: Whether the loss is another one with the change, or in another unit: both numbers are shares then.
        seeds: Draws of the program with the change.
        agree: Those of them in which it was better than every draw without it.
        steps: Updates at which both are compared.
        says: restores: what did not learn learns; helps: better by more than noise explains; nothing: it is not; harms:
            worse; unknown: there is nothing to tell it by.
    """

    yardstick: Yardstick | None = None
    before: float = math.nan
    after: float = math.nan
    start: float = math.nan
    gain: float = 0.0
    noise: float = math.inf
    left: float = 1.0
    rescaled: bool = False
    seeds: int = 0
    agree: int = 0
    steps: int = 0
    says: Says = "unknown"

    @property
    def learnt(self) -> float:
        """Share of what there is to learn that is learnt with the change."""
        return 1.0 - self.left + self.gain

    @property
    def advance(self) -> float:
        """By how much more than a guess or the control, whichever knows more, has learnt with the change."""
        return self.learnt - max(0.0, 1.0 - self.left)

    @property
    def decisive(self) -> bool:
        """Whether most of what the control leaves is learnt with the change."""
        return self.says in ("restores", "helps") and self.advance > RESTORED * min(self.left, 1.0)

    @property
    def promises(self) -> bool:
        """Whether it would be a help, were it not for the noise, which more draws may lift."""
        return self.says == "nothing" and self.gain > max(self.noise, LEAST * max(self.left, LEAST))


def effect(
    controls: Sequence[Run],
    trials: Sequence[Run],
    *,
    each_to_its_end: bool = False,
    yardsticks: Sequence[Yardstick] = YARDSTICKS,
) -> Effect:
    """Compare trainings with a change and without it.

    Both are read at the same update, the last that all have reached. Of the yardsticks that both have, that one counts
    by which they differ most in units of their noise; but a change that makes the answers worse is none that helps, by
    whatever it lowers the loss.

    Args:
        controls: Streams of the unchanged trainings, one a seed, that of the run's own first.
        trials: Streams of those with the change.
        each_to_its_end: Read each at its own end instead, where to be longer is the change.
        yardsticks: Those that the change may move, and that mean the same with it.
    """
    steps = None if each_to_its_end else min((length(run) for run in (*controls, *trials)), default=0)
    before = [reading(run, until=steps) for run in controls]
    after = [reading(run, until=steps) for run in trials]
    found = [each for one in yardsticks if (each := _by(one, before, after)) is not None]
    if not found:
        return Effect()
    worst = min(found, key=lambda one: one.gain / one.noise)
    if worst.says == "harms" and worst.yardstick != "loss":
        return worst
    known = [one for one in found if one.yardstick != "loss"] or found
    return max(known, key=lambda one: one.gain / one.noise)


def length(run: Run) -> int:
    """Updates that a training has made."""
    last = run.last_step(LOSS)
    return 0 if last is None else last + 1


def _by(yardstick: Yardstick, before: Sequence[Sequence[Reading]], after: Sequence[Sequence[Reading]]) -> Effect | None:
    """The effect by one yardstick; None where one of the trainings does not have it."""
    old = [one for readings in before for one in readings if one.yardstick == yardstick]
    new = [one for readings in after for one in readings if one.yardstick == yardstick]
    if not old or not new or len(old) < len(before) or len(new) < len(after):
        return None
    if yardstick == "loss":
        old, new = _from_one_start(old, new)
    gain = _mean(new) - _mean(old)
    error = max(math.hypot(_error(old), _error(new)), 1e-6)
    left = 1.0 - min(_mean(old), 1.0)
    of_terms = yardstick == "least learnt term"
    rescaled = of_terms or (yardstick == "share explained" and not _of_one_loss(old, new))
    found = Effect(
        yardstick=yardstick,
        before=_told(old, shares=rescaled),
        after=_told(new, shares=rescaled),
        start=0.0 if rescaled else _start(old, new),
        gain=gain,
        noise=error,
        left=left,
        rescaled=rescaled,
        seeds=len(new),
        agree=sum(one.gain > max(each.gain for each in old) for one in new),
        steps=min(one.steps for one in new),
    )
    return replace(found, says=_says(found))


def _from_one_start(old: Sequence[Reading], new: Sequence[Reading]) -> tuple[list[Reading], list[Reading]]:
    """Both sides measured from the start of the unchanged: what a change does to the initial loss is no learning."""
    whole = [one for one in old if not math.isnan(one.value)] or [one for one in new if not math.isnan(one.value)]
    if not whole:
        return list(old), list(new)
    start, best = (statistics.fmean(each) for each in zip(*((one.reference, one.best) for one in whole), strict=True))
    old, new = (
        [one if math.isnan(one.value) else replace(one, reference=start, best=best) for one in side]
        for side in (old, new)
    )
    return old, new


def _of_one_loss(old: Sequence[Reading], new: Sequence[Reading]) -> bool:
    """Whether the best guess has the same loss with a change as without it."""
    spans = [[one.reference - one.best for one in side if not math.isinf(one.level)] for side in (old, new)]
    if not all(spans):
        return True
    before, after = map(statistics.fmean, spans)
    return abs(after - before) < SAME * max(abs(before), abs(after))


def _told(readings: Sequence[Reading], *, shares: bool) -> float:
    own = readings[0]
    return max(own.gain, 0.0) if shares else own.value


def _start(old: Sequence[Reading], new: Sequence[Reading]) -> float:
    """Where the unchanged begins; where its losses are not finite, where that with the change does."""
    return next((one.start for one in (*old[:1], *new[:1]) if math.isfinite(one.start)), math.nan)


def _says(found: Effect) -> Says:
    certain = abs(found.gain) > CERTAIN * found.noise
    if not certain or abs(found.gain) < LEAST * max(found.left, LEAST):
        return "nothing"
    if found.gain < 0.0:
        return "harms"
    stuck = 1.0 - found.left < STUCK < found.learnt
    return "restores" if stuck and found.gain > RESTORED * found.left else "helps"


def _mean(readings: Sequence[Reading]) -> float:
    return statistics.fmean(one.gain for one in readings)


def _error(readings: Sequence[Reading]) -> float:
    """Standard error of the mean gain: of the batches, and of the draws where there are several."""
    within = math.sqrt(sum(one.doubt**2 for one in readings)) / len(readings)
    between = statistics.stdev(one.gain for one in readings) / math.sqrt(len(readings)) if len(readings) > 1 else 0.0
    return max(within, between)

"""Which of several settings is the best, by what came of them, and how sure that is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unstuck.sweep.attempt import Outcome, Setting, Try

__all__ = ["ENOUGH", "Tried", "Worth", "fastest", "first", "over_seeds", "seconds_to"]

ENOUGH = 0.99
"""Share of the best accuracy that is enough for the time to it to be compared (our choice); of a loss, as much above
the least."""


@dataclass(frozen=True)
class Tried:
    """A try and its outcome."""

    attempt: Try
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What a setting is worth over the seeds that it was trained with.

    Attributes:
        setting: The setting.
        mean: Mean validation accuracy, or loss where there are no classes.
        spread: Standard deviation between seeds; NaN of one alone.
        seeds: Seeds.
        loss: Mean validation loss.
        test: Mean on the test part; None where it was not looked at.
        classes: Whether it is an accuracy.
    """

    setting: Setting
    mean: float
    spread: float
    seeds: int
    loss: float
    test: float | None
    classes: bool

    @property
    def key(self) -> tuple[float, float]:
        """Sorts the better after the worse."""
        return (self.mean, -self.loss) if self.classes else (-self.mean, 0.0)

    @property
    def error(self) -> float:
        """Standard error of the mean; NaN of one seed alone."""
        return self.spread / math.sqrt(self.seeds)


def first(tried: Iterable[Tried]) -> Tried | None:
    """The best by accuracy, then by loss; of equals the one that was tried first. None where all were stopped."""
    kept = [one for one in tried if one.outcome.kept]
    return max(kept, key=lambda one: one.outcome.worth, default=None)


def fastest(tried: Sequence[Tried]) -> Tried | None:
    r"""The one that comes first to 99% of the best accuracy, :math:`\arg\min_b \min\{t : a_b(t) \ge 0.99\,a^*\}`.

    Too small batches waste the matrix operations, too large ones make too few updates in the same time.

    Source: Nielsen, "Neural networks and deep learning" (2015), chapter 3, "Mini-batch size".
    """
    best = first(tried)
    if best is None:
        return None
    times = {one.attempt.key: seconds_to(one.outcome, best.outcome) for one in tried if one.outcome.kept}
    return min((one for one in tried if one.attempt.key in times), key=lambda one: times[one.attempt.key])


def seconds_to(outcome: Outcome, best: Outcome) -> float:
    """Seconds until an outcome was nearly as good as the best; infinite where it never was.

    Examples:
        >>> slow = Outcome(reason="completed", accuracy=0.95, loss=0.2, curve=((1.0, 0.9, 0.4), (2.0, 0.95, 0.2)))
        >>> seconds_to(slow, slow)
        2.0
    """
    for seconds, accuracy, loss in outcome.curve:
        if best.accuracy is not None:
            enough = accuracy >= ENOUGH * best.accuracy
        else:
            enough = loss <= best.loss + (1.0 - ENOUGH) * abs(best.loss)
        if enough:
            return seconds
    return math.inf


def over_seeds(tried: Iterable[Tried]) -> tuple[Worth, ...]:
    """What each setting is worth over its seeds on all data, the best first; those of several seeds before others."""
    by_setting: dict[str, list[Tried]] = {}
    for one in tried:
        if one.outcome.kept and one.attempt.whole:
            by_setting.setdefault(repr(sorted(one.attempt.setting.items())), []).append(one)
    worths = [_worth([one.outcome for one in group], group[0].attempt.setting) for group in by_setting.values()]
    return tuple(sorted(worths, key=lambda worth: (worth.seeds > 1, worth.key), reverse=True))


def _worth(outcomes: Sequence[Outcome], setting: Setting) -> Worth:
    classes = outcomes[0].accuracy is not None
    values = [outcome.accuracy if outcome.accuracy is not None else outcome.loss for outcome in outcomes]
    tests = [outcome.test for outcome in outcomes if outcome.test is not None]
    return Worth(
        setting=setting,
        mean=statistics.fmean(values),
        spread=statistics.stdev(values) if len(values) > 1 else math.nan,
        seeds=len(values),
        loss=statistics.fmean(outcome.loss for outcome in outcomes),
        test=statistics.fmean(tests) if tests else None,
        classes=classes,
    )

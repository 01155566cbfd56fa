"""The way of the course: first the order of magnitude, then the fine value, each try beside what it showed.

Begin at 0.01. Where the loss falls, take ten times as much, until it swings or grows; where it does not fall at 0.01,
take a tenth, until it does. Go back to the largest order of magnitude at which it falls, try half of the one that was
too much, then fine steps (0.2, 0.3, ...) up to the largest rate at which the loss still falls: the threshold. Half of
it is what lasts over many epochs.

Source: Nielsen, "Neural networks and deep learning" (2015), chapter 3, "How to choose a neural network's
hyper-parameters?".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from unstuck.find_lr.trainer import Trainer, Trial, bound_by

__all__ = ["LARGEST", "LEAST", "Course", "Shown", "Try", "course", "shown_by"]

START = 0.01
LEAST, LARGEST = 1e-8, 1e3
"""Beyond these no rate is tried, unless others are given."""
ERRORS = 3.0
"""Standard errors beyond which a loss has moved (our choice)."""
LOST = 0.5
"""Share of what was gained that a loss which falls has lost again at no time (our choice)."""

MOVED = 0.05
"""Share of itself by which a loss has to move up and down to swing (our choice)."""

Shown = Literal["falls", "stands still", "swings", "grows", "is no number"]


@dataclass(frozen=True, kw_only=True)
class Try:
    """One rate tried.

    Attributes:
        rate: The rate.
        shown: What the loss did.
        first: The loss of the last batches before training.
        last: Their loss in it.
        why: What led to this rate.
    """

    rate: float
    shown: Shown
    first: float
    last: float
    why: str

    def __str__(self) -> str:
        moved = f" from {self.first:.3g} to {self.last:.3g}" if math.isfinite(self.last) else ""
        return f"{self.rate:.3g} ({self.why}): the loss {self.shown}{moved}"


@dataclass(frozen=True, kw_only=True)
class Course:
    """All tries, in their order.

    Attributes:
        tries: They.
        threshold: The largest rate at which the loss falls; None where there is none.
        too_high: The lowest rate above it at which it does not; None where there is none.
    """

    tries: tuple[Try, ...]
    threshold: float | None
    too_high: float | None

    @property
    def rate(self) -> float | None:
        """Half of the threshold."""
        return None if self.threshold is None else self.threshold / 2.0


Tried = Callable[[float, str], Try]


def course(trainer: Trainer, *, steps: int, start: float = START, low: float = LEAST, high: float = LARGEST) -> Course:
    """Go that way.

    Args:
        trainer: What is trained.
        steps: Updates of a try.
        start: The first rate.
        low: No lower order of magnitude is tried.
        high: No higher one.
    """
    still = trainer.train((0.0,) * steps)
    tries: list[Try] = []

    def tried(rate: float, why: str) -> Try:
        rate = float(f"{rate:.6g}")
        trial = trainer.train((rate,) * steps)
        common = trial.losses[-max(len(trial.losses) // 4, 1) :]
        before = still.losses[: len(trial.losses)][-len(common) :]
        tries.append(
            Try(
                rate=rate, shown=shown_by(trial, still), why=why, first=_mean(before), last=_mean(common)
            )
        )  # fmt: skip
        return tries[-1]

    order = _order_of_magnitude(tried, min(max(start, low), high), low, high)
    if order is not None and _too_high(tries, order):
        _fine(tried, order)
    falls = [one.rate for one in tries if one.shown == "falls"]
    threshold = max(falls, default=None)
    above = [one.rate for one in tries if one.shown != "falls" and threshold is not None and one.rate > threshold]
    return Course(tries=tuple(tries), threshold=threshold, too_high=min(above, default=None))


def _order_of_magnitude(tried: Tried, start: float, low: float, high: float) -> float | None:
    """The largest power of ten of the start at which the loss falls; None where there is none."""
    first = tried(start, "to begin with")
    if first.shown in ("falls", "stands still"):
        fell = start if first.shown == "falls" else None
        rate = start
        while (rate := rate * 10.0) <= high * (1 + 1e-9):
            one = tried(rate, "ten times as much")
            if one.shown == "falls":
                fell = rate
            elif one.shown != "stands still" or fell is not None:
                break
        if fell is not None:
            return fell
    rate = start
    while (rate := rate / 10.0) >= low * (1 - 1e-9):
        one = tried(rate, "a tenth")
        if one.shown == "falls":
            return rate
        if one.shown == "stands still":
            break
    return None


def _too_high(tries: Sequence[Try], order: float) -> bool:
    return any(one.rate > order for one in tries)


def _fine(tried: Tried, order: float) -> None:
    """Between the largest order of magnitude at which the loss falls and ten times as much."""
    half = tried(5.0 * order, "half of what was too much")
    for factor in (6, 7, 8, 9) if half.shown == "falls" else (2, 3, 4):
        if tried(factor * order, "a fine step").shown != "falls":
            break


def shown_by(trial: Trial, still: Trial) -> Shown:
    """What the loss of a training did, beside the loss of the same batches without any training."""
    if not trial.finite:
        return "is no number"
    if trial.losses[-1] > bound_by(still):
        return "grows"
    common = min(len(trial.losses), len(still.losses))
    gain = np.array(still.losses[:common]) - np.array(trial.losses[:common])
    late = gain[-max(common // 3, 2) :]
    mean, error = float(late.mean()), float(late.std(ddof=1)) / math.sqrt(len(late)) if len(late) > 1 else 0.0
    if abs(mean) <= ERRORS * error:
        return "swings" if float(late.std()) > _usual(still) else "stands still"
    if mean < 0.0:
        return "grows"
    smooth = np.convolve(gain, np.ones(3) / 3.0, mode="valid") if common >= 3 else gain
    best = np.maximum.accumulate(smooth)
    lost = float(np.max(best - smooth)) > LOST * float(best[-1])
    return "swings" if lost else "falls"


def _usual(still: Trial) -> float:
    """How far a loss that stands still moves by chance: by the batches, and by a share of itself."""
    apart = float(np.std(still.losses, ddof=1)) if len(still.losses) > 1 else 0.0
    return max(ERRORS * apart, MOVED * abs(still.start(len(still.losses))))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan

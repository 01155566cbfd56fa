"""The terms of a loss over the training, as rules on sums of several losses read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import mode

import numpy as np

from unstuck.learning import Learning, batch_size
from unstuck.learning.guess import floor, guess
from unstuck.learning.measured import Measured
from unstuck.record import Run
from unstuck.record.facts import Loss, LossTerm, LossTerms
from unstuck.record.signals import LOSS
from unstuck.rules.calls import loss_calls
from unstuck.rules.rule import Gate

__all__ = ["LATE_LOOKS", "Course", "Task", "courses", "named", "tasks"]

LOOKS = 3
"""Looks at the start, and at the end, whose median is a term's level (our choice)."""

HALF = 0.5
"""Share of the training from which on a look tells how it went on."""

UNLEARNT = 0.1
"""Share of what there is to learn of a term, below which it was not learnt (our choice)."""

Key = tuple[str, str, str | None, int | None, int | None]


@dataclass(frozen=True)
class Course:
    """A term over the training.

    Attributes:
        term: As it was seen last with the shape that it mostly has: a last batch may be smaller.
        values: Its values at each look, before constants multiply them.
        weighted: The same as they are added.
        late: How many of these looks lie in the second half of the training, at most :data:`LOOKS`.
    """

    term: LossTerm
    values: Sequence[float]
    weighted: Sequence[float]
    late: int

    @property
    def start(self) -> float:
        """Its size when training begins."""
        return abs(float(np.median(self.weighted[:LOOKS])))

    @property
    def end(self) -> float:
        """Its size at the end."""
        return abs(float(np.median(self.weighted[-self.late :])))

    @property
    def level(self) -> float:
        """Its value at the end, before constants multiply it."""
        return float(np.median(self.values[-self.late :]))

    @cached_property
    def factor(self) -> float:
        """The constant that multiplies it; NaN where its value is zero."""
        factors = [w / v for v, w in zip(self.values, self.weighted, strict=True) if v]
        return abs(float(np.median(factors))) if factors else math.nan


@dataclass(frozen=True)
class Task:
    """A term that has targets.

    Attributes:
        course: The term over the training.
        call: What is known of the call of its loss.
        guess: Its value for the best constant outputs.
        gain: Share of what there is to learn that was learnt: 0 nothing, 1 all.
        elements: Elements of a batch that its value is made from.
        summed: How many of them one entry of what is averaged adds up.
        share: What each of them is multiplied by.
    """

    course: Course
    call: Loss
    guess: float
    gain: float
    elements: int
    summed: int
    share: float

    @property
    def words(self) -> str:
        """The term in words, with the output layer that it is of."""
        layer = self.call.output.layer
        return named(self.course.term) + (f" (outputs of {layer})" if layer else "")

    @property
    def unlearnt(self) -> bool:
        """Whether it has stayed at its constant guess."""
        return self.gain < UNLEARNT


def courses(run: Run) -> tuple[Course, ...]:
    """The terms of a loss that has the same ones at each look, in their order."""
    looks = _looks(run)
    late = min(LOOKS, len(_late(run, looks)))
    by_key: dict[Key, list[LossTerm]] = {}
    for look in looks:
        for term in look.terms:
            by_key.setdefault(_key(term), []).append(term)
    return tuple(
        Course(_typical(terms), [term.value for term in terms], [term.weighted for term in terms], late)
        for terms in by_key.values()
    )


def tasks(run: Run) -> tuple[Task, ...]:
    """Those of them whose loss of a constant guess is known."""
    found: list[Task] = []
    for course in courses(run):
        call = _call(run, course.term)
        task = _task(course, call, batch_size(run, call)) if call else None
        if task is not None:
            gain = _measured_gain(Learning.of(run).measured, task.call)
            found.append(task if gain is None else replace(task, gain=gain))
    return tuple(found)


def _measured_gain(measured: Measured, call: Loss) -> float | None:
    """The gain by all samples of a loss that is the only one to be called, less noisy than the few looks."""
    if measured.loss != call or not measured.exact or measured.guess is None or measured.floor is None:
        return None
    return (measured.guess.value - measured.curve.end.value) / (measured.guess.value - measured.floor)


def _task(course: Course, call: Loss, batch: float) -> Task | None:
    """A term that a loss call has given; None where its guess is not known."""
    shape = call.output.shape if call.target.type == "real" else call.target.shape
    elements, term = int(np.prod(shape)), course.term
    known, least, unit = guess(call, batch=batch), floor(call, batch=batch), 1.0
    summed, share = (elements, 1.0) if call.reduction == "sum" else (1, 1.0 / max(elements, 1))
    if call.reduction == "none":  # guess and floor are those of the mean
        summed, share = term.summed, abs(term.share or 0.0)
        unit = share * math.prod(term.shape)
    if known is None or least is None or not known.value > least or not unit > 0.0:
        return None
    gain = (known.value - abs(course.level) / unit) / (known.value - least)
    return Task(course, call, known.value * unit, gain, elements, summed, share)


def _typical(terms: Sequence[LossTerm]) -> LossTerm:
    shape = mode(term.shape for term in terms)
    return next(term for term in reversed(terms) if term.shape == shape)


def named(term: LossTerm) -> str:
    """A term in words.

    Examples:
        >>> named(LossTerm(value=0.2, weighted=0.2, function="mse_loss", line=20))
        'the term mse_loss in line 20'
    """
    line = f" in line {term.line}" if term.line else ""
    return f"the term {term.function or term.operation}{line}"


def _looks(run: Run) -> list[LossTerms]:
    looks = [look for look in run.facts(LossTerms) if all(math.isfinite(term.weighted) for term in look.terms)]
    keys = [{_key(term) for term in look.terms} for look in looks]
    return looks if looks and all(key == keys[0] for key in keys) else []


def _late(run: Run, looks: Sequence[LossTerms]) -> list[LossTerms]:
    last = run.last_step(LOSS) or 0
    return [look for look in looks if look.step >= HALF * last]


def _early_and_late(run: Run) -> bool:
    looks = _looks(run)
    late = _late(run, looks)
    return bool(late) and len(looks) - min(LOOKS, len(late)) >= LOOKS


LATE_LOOKS = Gate("the terms of the loss were not seen early and late in the training", _early_and_late)


def _key(term: LossTerm) -> Key:
    return term.function, term.operation, term.file, term.line, term.column


def _call(run: Run, term: LossTerm) -> Loss | None:
    """What is known of the loss call that a term is."""
    site = (term.function, term.file, term.line, term.column)
    return next((call for call in loss_calls(run) if (call.function, call.file, call.line, call.column) == site), None)

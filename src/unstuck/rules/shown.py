"""What the record of one training shows of its learning: the one place where the theory of it becomes a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from unstuck.learning.evaluations import Evaluations
from unstuck.learning.learning import Learning
from unstuck.learning.validation import Validation
from unstuck.record import Figure, Run, Series, Signal, VerdictKind, signals
from unstuck.record.numbers import number
from unstuck.rules.yardstick import lacking_yardstick

__all__ = ["ENOUGH_STEPS", "NOTHING_TRAINED", "Shown", "shown"]

ENOUGH_STEPS = 10
"""Training steps below which silence means nothing."""

NOTHING_TRAINED = "no backward pass that an optimizer's step followed was seen, so nothing was trained"
"""Why there is no verdict on a run without a loss."""

ABSURD = 1e3
"""Times its first value beyond which a loss has been blown up, however few steps were seen (our choice)."""

GREAT = 1e20
"""A loss beyond which nothing sane has a square in single precision: 1e20 squared exceeds 3.4e38."""

GOOD = 0.9
"""Share of examples classified rightly from which on an accuracy alone shows learning."""

BETTER = 0.2
"""Share of what the commonest class gets wrong that must be right for classes to be learnt in part (our choice)."""

KEPT = 0.5
"""Share of what was once learnt that a training must have kept; one that kept less has relapsed (our choice)."""

CONSTANT = 1e-3
"""Spread of outputs between examples, as a share of that of the targets, below which they are the same for all."""

HARDLY = 0.1
"""The same share, below which outputs hardly differ (our choice): they explain 1% of the variance at most."""

NAMED = 3
"""Parameters that are named one by one."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is shown of one training, before findings are looked at.

    Attributes:
        kind: What that is.
        figures: The evidence.
        steps: Updates that were seen.
        reason: Why it is no more, as a clause.
        known: What else is known of a training that did not learn, in clauses.
    """

    kind: VerdictKind
    figures: tuple[Figure, ...] = ()
    steps: int = 0
    reason: str = ""
    known: tuple[str, ...] = ()


def shown(run: Run, *, rival: bool = False) -> Shown:
    """What the record of one training shows.

    Args:
        run: One stream of a run.
        rival: Whether its loss depends on trainings that go on at the same time, as in a GAN.
    """
    losses = run.series(signals.LOSS)
    last = run.last_step(signals.LOSS)
    if last is None:
        return Shown(kind="not enough data", reason=NOTHING_TRAINED)
    steps = last + 1
    blown = _blown_up(losses)
    if blown is not None:
        return Shown(kind="not learnt", figures=blown, steps=steps, reason=_height(blown[0].value))
    if steps < ENOUGH_STEPS:
        few = f"only {steps} training steps were seen; at least {ENOUGH_STEPS} are needed for a verdict"
        return Shown(kind="not enough data", steps=steps, reason=few)
    learning, validation = Learning.of(run), Validation.of(run)
    kind, reason = _judged(run, learning, validation, rival=rival)
    figures = _figures(learning, validation)
    if kind == "cannot be told":  # neither right answers nor a guess say anything of such an objective
        figures = (_alone(figure, learning) for figure in figures if figure.what != "training accuracy")
    known = tuple(_known(run)) if kind == "not learnt" else ()
    return Shown(kind=kind, figures=tuple(figures), steps=steps, reason=reason, known=known)


def _blown_up(losses: Series) -> tuple[Figure, ...] | None:
    """The loss of a training that ended absurdly high, or not finite; None of any other.

    One high loss at the end of many may be that of one bad batch: of the last three two must be high.
    """
    finite = losses.finite().values
    last = float(losses.values[-1])
    first = float(finite[0]) if len(finite) else math.nan
    high = last if len(finite) < ENOUGH_STEPS else min(last, float(np.median(finite[-3:])))
    absurd = not math.isfinite(last) or high > GREAT or (high > ABSURD * abs(first) and high > first + ABSURD)
    return (Figure(what="loss", value=last, unit="loss", start=first),) if absurd else None


def _height(last: float) -> str:
    return f"the loss has risen to {number(last)}" if math.isfinite(last) else "the loss is not finite"


def _judged(run: Run, learning: Learning, validation: Validation, *, rival: bool) -> tuple[VerdictKind, str]:
    told = _by_evaluation(Evaluations.of(run), learning)
    lacking = lacking_yardstick(run, learning, rival=rival)
    if lacking:
        return (told, "") if told else ("cannot be told", lacking)
    outcome = learning.outcome
    relapse = _relapse(learning)
    if outcome == "unknown" and not relapse:
        why = "noise may explain all that seems learnt" if learning.evidence else "its best value is not known"
        return (told, "") if told else ("cannot be told", why)
    if outcome == "good" and not relapse:
        if validation.lags(learning):
            return "improvable", "examples that it was not trained on are far behind"
        return "healthy", ""
    if _better_than_commonest(learning):
        return "improvable", ""
    if relapse:
        return "not learnt", relapse
    if outcome == "partial":
        return "improvable", ""
    if told:
        return "improvable", "the loss of training shows none of it"
    if learning.pretrained and not _rises(learning):
        if learning.curve.falls_surely:
            return "improvable", ""
        return "cannot be told", "the loss began far below that of a constant guess, and stayed where it began"
    return "not learnt", _flat(learning)


def _by_evaluation(evaluations: Evaluations, learning: Learning) -> Literal["healthy", "improvable"] | None:
    """What evaluations alone show, whatever the objective is; None where they show nothing.

    Where the share of the commonest class is not known, an accuracy shows learning in part at most.
    """
    accuracies, losses = evaluations.accuracies.finite().values, evaluations.losses.finite().values
    if len(accuracies):
        last, wrong = float(np.median(accuracies[-3:])), 1.0 - learning.commonest
        if learning.commonest:
            good = last >= GOOD and 1.0 - last <= 0.5 * wrong
            return "healthy" if good else "improvable" if last > learning.commonest + BETTER * wrong else None
        return "improvable" if last >= GOOD or last > accuracies[0] + BETTER * (1.0 - accuracies[0]) else None
    fell = len(losses) >= 3 and 0.0 < float(np.median(losses[-3:])) < (1.0 - BETTER) * losses[0]
    return "improvable" if fell else None


def _better_than_commonest(learning: Learning) -> bool:
    accuracy = learning.accuracy
    return accuracy is not None and 0.0 < learning.commonest < accuracy - BETTER * (1.0 - learning.commonest)


def _relapse(learning: Learning) -> str:
    """That most of what was learnt was lost again, as a clause; empty where it was not."""
    curve, reference = learning.curve, learning.reference
    gained, kept = reference - curve.best, reference - curve.end.value
    lost = curve.end.value - curve.best
    if gained > BETTER * abs(reference) and kept < KEPT * gained and lost > 4.0 * max(curve.end.error, curve.noise):
        return f"it had learnt and has lost it again: the loss had fallen to {number(curve.best)}"
    return ""


def _rises(learning: Learning) -> bool:
    curve = learning.curve
    return -curve.fall > 4.0 * curve.fall_error and -curve.fall > 0.05 * curve.scale


def _flat(learning: Learning) -> str:
    if learning.guess is not None and not learning.pretrained:
        above = learning.curve.end.value > 1.1 * learning.guess
        return "the loss is above that of a constant guess" if above else "the loss is that of a constant guess"
    return "the loss has risen" if _rises(learning) else "the loss is where it began"


def _known(run: Run) -> Iterator[str]:
    """What else is known of a training that did not learn."""
    spread = _late(run, signals.OUTPUT_SPREAD)
    scales = {"the targets": _late(run, signals.TARGET_STD), "the outputs of one": _late(run, signals.OUTPUT_STD)}
    scale = max((value for value in scales.values() if math.isfinite(value)), default=math.nan)
    if spread <= CONSTANT * scale:
        yield "the outputs are the same for every example"
    elif spread <= HARDLY * scales["the targets"]:
        yield (
            f"the outputs hardly differ between examples (by {number(spread)}, the targets by "
            f"{number(scales['the targets'])})"
        )
    gradients = run.table(signals.GRADIENT_NORM)
    if len(gradients.values):
        silent = [name for name, norm in zip(gradients.names, gradients.values[-1], strict=True) if norm == 0.0]
        if silent:
            more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
            yield f"the gradient of {', '.join(silent[:NAMED])}{more} is exactly zero"


def _alone(figure: Figure, learning: Learning) -> Figure:
    """A loss against its start, whatever a guess would have."""
    return replace(figure, guess=None, start=learning.curve.start) if figure.what == "loss" else figure


def _late(run: Run, signal: Signal) -> float:
    """The median of the last three samples; NaN without any."""
    values = run.series(signal).finite().values
    return float(np.median(values[-3:])) if len(values) else math.nan


def _figures(learning: Learning, validation: Validation) -> Iterator[Figure]:
    guess = learning.commonest or None
    if learning.accuracy is not None:
        yield Figure(what="training accuracy", value=learning.accuracy, unit="share", guess=guess)
    balanced = learning.answers.balanced
    if balanced is not None:
        yield Figure(what="balanced accuracy", value=balanced.value, unit="share", guess=balanced.reference)
    if validation.accuracy is not None:
        told = None if learning.answers.sampled else guess
        yield Figure(what="validation accuracy", value=validation.accuracy, unit="share", guess=told)
    known = learning.guess is not None and not learning.pretrained
    yield Figure(
        what="loss",
        value=learning.curve.end.value,
        unit="loss",
        guess=learning.guess if known else None,
        start=None if known else learning.curve.start,
    )
    if validation.loss is not None and validation.accuracy is None:
        yield Figure(what="validation loss", value=validation.loss, unit="loss")

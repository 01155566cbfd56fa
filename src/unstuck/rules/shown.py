"""What the record of one training shows of its learning: the one place where the theory of it becomes a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from unstuck.learning.answers import answered
from unstuck.learning.learning import Learning
from unstuck.learning.outcome import LEAST, Outcome
from unstuck.learning.validation import Validation
from unstuck.record import Figure, Run, Series, VerdictKind, signals
from unstuck.record.numbers import number
from unstuck.rules.yardstick import lacking_yardstick

__all__ = ["ENOUGH_STEPS", "NOTHING_TRAINED", "Shown", "shown"]

ENOUGH_STEPS = 10
"""Training steps below which silence means nothing."""

MANY_STEPS = 30
"""Training steps below which it cannot be said that nothing is learnt: it may be slow at first (our choice)."""

NOTHING_TRAINED = "no backward pass that an optimizer's step followed was seen, so nothing was trained"
"""Why there is no verdict on a run without a loss."""

ABSURD = 1e3
"""Times its first value beyond which a loss has been blown up, however few steps were seen (our choice)."""

GREAT = 1e20
"""A loss beyond which nothing sane has a square in single precision: 1e20 squared exceeds 3.4e38."""

PARTLY: frozenset[Outcome] = frozenset({"good", "partial"})
"""Outcomes of what has learnt something at least."""

VALIDATION = "validation loss"
"""What a figure is called that is not of the training."""

ALIKE = 0.02
"""Relative difference of two guesses that are said once (our choice)."""

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


def shown(run: Run) -> Shown:
    """What the record of one training shows.

    Args:
        run: One stream of a run.
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
    kind, reason = _judged(run, learning, validation)
    figures = _figures(run, learning, validation)
    if kind == "cannot be told":  # neither right answers nor a guess say anything of such an objective
        figures = (_alone(figure, learning) for figure in figures if figure.what != "training accuracy")
    known = tuple(_known(run, learning)) if kind == "not learnt" else ()
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


def _judged(run: Run, learning: Learning, validation: Validation) -> tuple[VerdictKind, str]:
    lacking = lacking_yardstick(run, learning)
    if lacking:
        told = _by_evaluation(learning)
        alone = f"by evaluations alone, for {lacking}" if told == "improvable" else ""
        return (told, alone) if told else ("cannot be told", lacking)
    outcome = learning.outcome
    if learning.relapse:
        kept = PARTLY & {learning.answered, learning.evaluated}
        lost = f"it had learnt and has lost it again: the loss had fallen to {number(learning.relapse.best)}"
        risen = f"the loss had fallen to {number(learning.relapse.best)} and has risen since"
        return ("improvable", risen) if kept else ("not learnt", lost)
    if outcome == "good":
        if validation.lags(learning):
            return "improvable", "examples that it was not trained on are far behind"
        return "healthy", ""
    if outcome == "partial" and learning.unlearnt:
        return "improvable", _unlearnt(learning)
    if outcome == "partial":
        return "improvable", "" if learning.trained in PARTLY else _only_evaluated(learning)
    if outcome == "unknown":
        return "cannot be told", _doubt(learning)
    if len(run.series(signals.LOSS)) < MANY_STEPS:
        return "cannot be told", f"{len(run.series(signals.LOSS))} steps are too few to say that nothing is learnt"
    return "not learnt", _flat(learning)


def _only_evaluated(learning: Learning) -> str:
    """What the loss of training shows of learning that evaluations show, as a clause."""
    if learning.remaining < 1.0 - LEAST:
        return "what the loss of training shows of it may be noise"
    return "the loss of training shows none of it"


def _by_evaluation(learning: Learning) -> Literal["healthy", "improvable"] | None:
    """What evaluations alone show, whatever the objective is: their loss, learning in part at most."""
    good = any(one.what == "evaluation accuracy" and one.says == "good" for one in learning.evaluations)
    if learning.evaluated not in PARTLY:
        return None
    return "healthy" if learning.evaluated == "good" and good else "improvable"


def _unlearnt(learning: Learning) -> str:
    """The output heads that have learnt nothing, as a clause."""
    heads = {term.layer: term for term in learning.unlearnt}
    each = ", ".join(
        f"{layer} (loss {number(term.value)} where a guess has {number(term.reference)})"
        for layer, term in list(heads.items())[:NAMED]
    )
    more = f" and {len(heads) - NAMED} more outputs" if len(heads) > NAMED else ""
    return f"nothing is learnt by {each}{more}"


def _doubt(learning: Learning) -> str:
    """Why it is not known whether anything was learnt, as a clause."""
    if learning.targets is not None:
        return f"{learning.targets.words}, so that there is nothing to learn of the inputs"
    if learning.pretrained:
        return "the loss began far below that of a constant guess, and stayed where it began"
    return "noise may explain all that seems learnt" if learning.evidence else "its best value is not known"


def _flat(learning: Learning) -> str:
    if learning.guess is not None and not learning.pretrained:
        above = learning.measured.curve.end.value > 1.1 * learning.guess
        return "the loss is above that of a constant guess" if above else "the loss is that of a constant guess"
    return "the loss has risen" if learning.curve.rises_surely else "the loss is where it began"


def _known(run: Run, learning: Learning) -> Iterator[str]:
    """What else is known of a training that did not learn."""
    if learning.outputs is not None:
        yield learning.outputs.words
    gradients = run.table(signals.GRADIENT_NORM)
    if len(gradients.values):
        silent = [name for name, norm in zip(gradients.names, gradients.values[-1], strict=True) if norm == 0.0]
        if silent:
            more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
            yield f"the gradient of {', '.join(silent[:NAMED])}{more} is exactly zero"


def _alone(figure: Figure, learning: Learning) -> Figure:
    """What is differentiated against its start, whatever a guess would have."""
    if figure.unit != "loss" or figure.what == VALIDATION:
        return figure
    end, start = learning.curve.end, learning.curve.start
    return replace(figure, what="loss", value=end.value, error=_finite(end.error), guess=None, start=start)


def _figures(run: Run, learning: Learning, validation: Validation) -> Iterator[Figure]:
    """The evidence; of the answers of the training those from the stretch that its loss is of."""
    guess = learning.commonest or None
    known = learning.guess is not None and not learning.pretrained
    curve = learning.measured.curve if known else learning.curve
    answers = answered(run, since=curve.ending) if learning.accuracy is not None and len(curve) else None
    if answers is not None:
        yield Figure(
            what="training accuracy", value=answers.value, unit="share", guess=guess, error=_finite(answers.error)
        )
    balanced = learning.answers.balanced
    if balanced is not None:
        yield Figure(
            what="balanced accuracy",
            value=balanced.value,
            unit="share",
            guess=balanced.reference,
            error=_finite(balanced.error),
        )
    if validation.accuracy is not None:
        told = None if learning.answers.sampled else guess
        yield Figure(what="validation accuracy", value=validation.accuracy, unit="share", guess=told)
    yield Figure(
        what="loss" if curve is learning.curve else _part(learning),
        value=curve.end.value,
        unit="loss",
        guess=learning.guess if known else None,
        start=None if known else learning.curve.start,
        error=_finite(curve.end.error),
    )
    if validation.own is not None and validation.accuracy is None:
        yield Figure(what=VALIDATION, value=validation.own, unit="loss", guess=_own_guess(learning, validation))


def _part(learning: Learning) -> str:
    """What a figure is of where the loss has other terms too: of the function that has a guess."""
    loss = learning.measured.loss
    if loss is None or loss.function is None:
        return "loss"
    summed = " (summed over a batch)" if loss.reduction == "sum" else ""
    return f"{loss.function} within the loss{summed}"


def _own_guess(learning: Learning, validation: Validation) -> float | None:
    """What a guess has in the unit of the validation loss, where that is not the training's; None where it is."""
    if validation.unit is None:
        return None
    own, known = validation.unit.guess.value, learning.guess
    return None if known is not None and abs(own / known - 1.0) < ALIKE else own


def _finite(error: float) -> float | None:
    return error if math.isfinite(error) else None

"""Whether outputs differ between examples, and whether targets do: without either nothing of the inputs is learnt."""

from __future__ import annotations

import math

import numpy as np

from unstuck.learning.guess import of_one_value
from unstuck.learning.measured import seen_late
from unstuck.learning.outcome import Indication, Outcome
from unstuck.record import Run, Signal, signals
from unstuck.record.facts import Loss
from unstuck.record.numbers import number

__all__ = ["MADE_BY_LAYERS", "of_outputs", "of_targets"]

CONSTANT = 1e-3
"""Spread of outputs between examples, as a share of that of the targets, below which they are the same for all."""

HARDLY = 0.1
"""The same share, below which outputs hardly differ (our choice): they explain a fifth of the variance at most."""

MADE_BY_LAYERS = frozenset({"Addmm", "Convolution", "LogSoftmax", "Relu", "Sigmoid", "Softmax", "Tanh"})
"""Operations that give a prediction. A difference that shall be zero, such as the residual of an equation, or a product
with a partner that stands in the first place, is made by others, and a constant is the right target of it."""


def of_outputs(run: Run, loss: Loss | None) -> Indication | None:
    """What the spread of outputs between examples says late in the training; None where they differ, or none is known.

    none: they are the same for every example, though targets differ. unknown: they hardly differ, or they are those of
    one of several losses.

    Args:
        run: The run.
        loss: The one loss that is called; None where there are several, or none is known.
    """
    spreads = run.series(signals.OUTPUT_SPREAD).finite()
    if not len(spreads) or not seen_late(run, spreads.steps) or (loss is not None and not _comparable(loss)):
        return None
    spread, targets = _late(run, signals.OUTPUT_SPREAD), _late(run, signals.TARGET_STD)
    scale = max((one for one in (targets, _late(run, signals.OUTPUT_STD)) if math.isfinite(one)), default=math.nan)
    says: Outcome = "none" if loss is not None else "unknown"
    words = "the outputs are the same for every example"
    if not spread <= CONSTANT * scale:
        if not spread <= HARDLY * targets:
            return None
        says = "unknown"
        words = f"the outputs hardly differ between examples (by {number(spread)}, the targets by {number(targets)})"
    return Indication("outputs", spread, 0.0, 0.0, int(spreads.steps[-1]), says, words)


def of_targets(loss: Loss | None, *, step: int) -> Indication | None:
    """That targets are all the same, by which a model is shown nothing; None where they differ, or none are known.

    Args:
        loss: The one loss that is called; None where there are several, or none is known.
        step: Updates made before.
    """
    if loss is None or loss.output.operation not in MADE_BY_LAYERS or not of_one_value(loss):
        return None
    return Indication("targets", 0.0, 0.0, 0.0, step, "unknown", "the targets are the same for every example")


def _comparable(loss: Loss) -> bool:
    """Whether a batch has several examples, whose targets differ."""
    return loss.output.shape[:1] != (1,) and not of_one_value(loss)


def _late(run: Run, signal: Signal) -> float:
    """The median of the last three samples; NaN without any."""
    values = run.series(signal).finite().values
    return float(np.median(values[-3:])) if len(values) else math.nan

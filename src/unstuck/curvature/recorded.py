"""What the record of a run says of the point that training stands at, where there is no model to look at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, facts, signals

__all__ = ["Recorded", "recorded"]

LATE = 0.5
"""Share of the samples that the end of a training is judged by (our choice)."""
LEAST = 8
"""Samples below which the end of a training is too short to say anything of."""
ERRORS = 3.0
"""Standard errors beyond which a mean cosine is not zero (our choice)."""

EIGENVALUES = (
    "the eigenvalues of the Hessian where training stands: they need the model and its data. Give unstuck curvature a "
    "function that returns model, loss and data (package.module:function), or train by a recipe"
)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What can be said from a record alone, and what cannot.

    Attributes:
        known: Sentences with the numbers that were recorded.
        conclusion: What follows for the question of minimum, saddle, or no critical point.
        unknown: What the record does not tell, and what would.
        rate: The learning rate of the last step that was sampled, the largest of all groups; None where there is none.
    """

    known: tuple[str, ...]
    conclusion: str
    unknown: tuple[str, ...]
    rate: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data for JSON."""
        return {"schema": 1, "recorded": self.known, "conclusion": self.conclusion, "unknown": self.unknown}


def recorded(run: Run) -> Recorded:
    """Read loss, gradient norm, cosine of successive gradients, and the curvature where the run has any.

    The mean cosine of successive gradients is about the share of the squared gradient that all batches have in common:
    above zero there is a slope, below zero steps bounce between walls, at zero what is left is the noise of batches.

    Args:
        run: One training of a run.
    """
    norms = _whole_norm(run)
    cosine = _late(run.series(signals.GRADIENT_COSINE).finite().values)
    sentences = (_moved("loss", _losses(run)), _moved("gradient norm", norms), _cosine(cosine), *_curvatures(run))
    return Recorded(
        known=tuple(filter(None, sentences)),
        conclusion=_conclusion(run, norms, cosine),
        unknown=(EIGENVALUES,),
        rate=_rate(run),
    )


def _losses(run: Run) -> NDArray[np.float64]:
    return run.series(signals.LOSS).finite().values


def _whole_norm(run: Run) -> NDArray[np.float64]:
    values = run.table(signals.GRADIENT_NORM).values
    if not len(values):
        return np.empty(0)
    known = ~np.isnan(values).all(axis=1)
    return np.sqrt(np.nansum(values[known] ** 2, axis=1))


def _late(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[int(len(values) * (1.0 - LATE)) :]


def _rate(run: Run) -> float | None:
    rates = run.table(signals.LEARNING_RATE).values
    known = rates[-1][np.isfinite(rates[-1])] if len(rates) else rates
    return float(known.max()) if len(known) else None


def _moved(what: str, values: NDArray[np.float64]) -> str:
    if not len(values):
        return ""
    few = max(1, len(values) // 20)
    return f"{what}: {float(np.mean(values[:few])):.3g} at the start, {float(np.mean(values[-few:])):.3g} at the end"


def _cosine(cosine: NDArray[np.float64]) -> str:
    if len(cosine) < 2:
        return ""
    return (
        f"cosine of successive gradients over the last half: {float(np.mean(cosine)):.2f} ± {_error(cosine):.2f} "
        f"({len(cosine)} samples)"
    )


def _error(values: NDArray[np.float64]) -> float:
    return float(np.std(values, ddof=1)) / math.sqrt(len(values))


def _curvatures(run: Run) -> list[str]:
    sentences: list[str] = []
    first = run.fact(facts.FirstCurvature)
    if first is not None and first.along_gradient > 0.0:
        sentences.append(
            f"curvature of the first batch along its gradient {first.along_gradient:.3g}: the largest stable rate of "
            f"plain descent was below {2.0 / first.along_gradient:.3g} at the start"
        )
    sentences += [
        f"step {point.step:,}: gradient {point.gradient:.2g} at a loss of {point.loss:.4g}, curvature from "
        f"{point.least:.3g} to {point.greatest:.3g} ({_kind(point)})"
        for point in run.facts(facts.CriticalPoint)
    ]
    return sentences


def _kind(point: facts.CriticalPoint) -> str:
    if point.least == point.greatest == 0.0:
        return "a plateau"
    if point.least < 0.0:
        return "a saddle" if point.greatest > 0.0 else "a maximum"
    return "no direction was found that falls"


def _conclusion(run: Run, norms: NDArray[np.float64], cosine: NDArray[np.float64]) -> str:
    points = run.facts(facts.CriticalPoint)
    late = _late(norms)
    if len(late) and not late.any():
        named = f"{_kind(points[-1])} by the curvature above" if points else "minimum, saddle or plateau: not known"
        return f"A critical point: every gradient of the last half is exactly zero; {named}."
    if points and len(late) and float(late[-1]) <= 10.0 * points[-1].gradient:
        return f"Next to a critical point since step {points[-1].step:,}: {_kind(points[-1])}."
    if len(cosine) < LEAST:
        return "Too little was recorded of gradients to say whether there is a slope."
    mean, error = float(np.mean(cosine)), _error(cosine)
    if mean > ERRORS * error:
        return "No critical point: successive gradients agree, so that the loss has a slope that all batches see."
    if mean < -ERRORS * error:
        return (
            "No critical point at rest: successive gradients point against each other, so that steps bounce between "
            "the walls of a valley; a smaller rate settles deeper."
        )
    return (
        "What is left of the gradient is noise of batches: a critical point, or too small batches to see a slope. "
        "Whether a minimum or a saddle, the record does not tell."
    )

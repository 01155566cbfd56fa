"""How a training ended, by one number against what knowing nothing gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Indication", "Outcome", "What", "best_of", "of_accuracy", "of_loss", "of_recalls"]

Outcome = Literal["good", "partial", "none", "unknown"]

What = Literal[
    "training loss",
    "loss term",
    "training accuracy",
    "balanced accuracy",
    "evaluation loss",
    "evaluation accuracy",
    "outputs",
    "targets",
    "classes",
]

CERTAIN = 3.0
"""Standard errors that a gain must have to be one."""

LEAST = 0.05
"""Share of what there is to learn below which it is nothing (our choice)."""

MUCH = 0.2
"""Share that a gain must seem to be, where noise might explain it, for "nothing" to be in doubt as well."""

GOOD = 0.2
"""Share of what there is to learn that may be left where learning was good."""

FEW_WRONG = 0.1
"""Share of examples that may be wrong where learning was good, if it is at most half of what the commonest class gets
wrong."""


@dataclass(frozen=True)
class Indication:
    """One number that tells whether something was learnt.

    Attributes:
        what: What it is.
        value: The number, at the end.
        reference: What knowing nothing gives.
        error: Standard error of the difference between both.
        step: Updates made before it was measured.
        says: What follows from it alone.
        words: The same as a clause.
        floor: The least that a loss can be; 0 for what is no loss.
        layer: The output layer that it is of, where there may be several; empty where it is of all, or unknown.
    """

    what: What
    value: float
    reference: float
    error: float
    step: int
    says: Outcome
    words: str
    floor: float = 0.0
    layer: str = ""

    @property
    def gain(self) -> float:
        """Share of what there is to learn that was learnt: 0 nothing, 1 all, below 0 worse than a guess."""
        span = self.reference - self.floor
        return (self.reference - self.value) / span if span else math.nan


def of_loss(
    what: What, value: float, *, reference: float, floor: float, error: float, step: int, than: str = "a constant guess"
) -> Indication:
    """What a loss says.

    none: not below the reference by a twentieth of what there is to learn, or noise explains the difference. unknown:
    noise explains it, but it would be a fifth and more. good: less than a fifth is left.

    Args:
        what: What it is the loss of.
        value: The loss at the end.
        reference: That of knowing nothing.
        floor: The least one.
        error: Standard error of the difference.
        step: Updates made before.
        than: What has the loss of the reference, in words.

    Examples:
        >>> of_loss("training loss", 0.2, reference=2.3, floor=0.0, error=0.01, step=99).says
        'good'
        >>> of_loss("training loss", 0.52, reference=2.3, floor=0.5, error=0.01, step=99).says
        'good'
    """
    span = reference - floor
    gain = (reference - value) / span if span > 0 else math.nan
    certain = reference - value > CERTAIN * error
    says: Outcome
    if not span > 0 or not math.isfinite(value):
        says = "unknown"
    elif gain < LEAST or (not certain and gain < MUCH):
        says = "none"
    elif not certain:
        says = "unknown"
    else:
        says = "good" if 1.0 - gain < GOOD else "partial"
    least = f", and at least {floor:.3g} is left" if floor > 0.0 else ""
    words = f"{what} {value:.3g} where {than} has {reference:.3g}{least}"
    return Indication(what, value, reference, error, step, says, words, floor)


def of_accuracy(
    what: What, value: float, *, commonest: float, error: float, step: int, weighed: bool = False
) -> Indication:
    """What an accuracy says against the share of the commonest class; without classes that are known, nothing.

    none: not above it by a twentieth of what it leaves wrong, or noise explains the difference; unknown where noise may
    hide a fifth.

    Args:
        what: What it is the accuracy of.
        value: The accuracy at the end.
        commonest: Share of the commonest class.
        error: Standard error of the accuracy.
        step: Updates made before.
        weighed: Whether the loss weighs classes or examples. What it asks for may then be right less often than the
            commonest class, so that nothing follows from an accuracy that is no better.

    Examples:
        >>> of_accuracy("training accuracy", 0.97, commonest=0.1, error=0.01, step=99).says
        'good'
        >>> of_accuracy("training accuracy", 0.97, commonest=0.95, error=0.005, step=99).says
        'partial'
        >>> of_accuracy("training accuracy", 0.7, commonest=0.95, error=0.005, step=99, weighed=True).says
        'unknown'
    """
    wrong, chance = 1.0 - value, 1.0 - commonest
    gain = value - commonest
    says: Outcome = "partial"
    if not 0.0 < commonest < 1.0:
        says = "unknown"
    elif gain < LEAST * chance or gain <= CERTAIN * error:
        says = "none" if gain + error < MUCH * chance and not weighed else "unknown"
    elif wrong <= FEW_WRONG and wrong <= 0.5 * chance:
        says = "good"
    words = f"{what} {value:.0%} where the commonest class has {commonest:.0%}"
    return Indication(what, value, commonest, error, step, says, words)


def of_recalls(recalls: Sequence[float], examples: Sequence[float], *, step: int) -> Indication | None:
    r"""What the mean recall of the classes says, which is 1/C for whoever always names one of them.

    .. math:: B = \frac 1 C \sum_c r_c, \qquad \sigma_B^2 = \frac 1 {C^2} \sum_c \frac{r_c (1 - r_c)}{n_c}

    with :math:`1 / n_c` for :math:`r_c (1 - r_c)` where that is more: three right of three are no proof.

    Args:
        recalls: Share of the examples of each class that were told rightly, NaN where there were none.
        examples: Examples that each rests on.
        step: Updates made before.

    Returns:
        What they say, or None for fewer than two classes with examples.

    Examples:
        >>> of_recalls((0.67, 0.86), (414.0, 8.0), step=99).words
        'balanced accuracy 76% where one class alone has 50%'
    """
    known = [(recall, count) for recall, count in zip(recalls, examples, strict=True) if count > 0.0]
    if len(known) < 2:
        return None
    value, chance = sum(recall for recall, _ in known) / len(known), 1.0 / len(known)
    variances = [max(recall * (1.0 - recall), 1.0 / max(count, 1.0)) / max(count, 1.0) for recall, count in known]
    error = math.sqrt(sum(variances)) / len(known)
    found = of_accuracy("balanced accuracy", value, commonest=chance, error=error, step=step)
    return replace(found, words=f"{found.what} {value:.0%} where one class alone has {chance:.0%}")


RANKS: dict[Outcome, int] = {"unknown": 0, "none": 1, "partial": 2, "good": 3}


def best_of(*outcomes: Outcome) -> Outcome:
    """The most that any of these says: something was learnt if one number shows it.

    Examples:
        >>> best_of("none", "partial", "unknown")
        'partial'
    """
    best: Outcome = "unknown"
    for one in outcomes:
        best = one if RANKS[one] > RANKS[best] else best
    return best

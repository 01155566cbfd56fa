r"""What can be reached without looking at inputs, and what cannot be fallen below.

============================  ==========================================  =====================================
Loss                          Constant guess                              Floor
============================  ==========================================  =====================================
cross-entropy of class ids    entropy of the class counts                 0
with smoothing :math:`s`      entropy of :math:`(1 - s)\,p + s/C`         entropy of a smoothed id
with soft targets             entropy of the mean target                  mean entropy of the targets
Kullback-Leibler divergence   the difference of these two                 0
binary cross-entropy          entropy of each output's mean target        mean entropy of the targets
squared error                 variance of each output's targets           0
absolute error, Huber's       that of each output's best constant         0
others of torch               not known                                   0, but for likelihoods of densities
============================  ==========================================  =====================================

All of it for the mean over elements; a sum has it as many times as it has elements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unstuck.learning.loss_call import elements
from unstuck.record.facts import Loss

__all__ = [
    "BINARY",
    "CLASSES",
    "Guess",
    "alike",
    "commonest",
    "constant_guess",
    "entropy",
    "floor",
    "guess",
    "of_another",
    "of_one_value",
    "smoothed_entropy",
    "untrained_loss",
]

SQUARED = ("mse_loss",)
ABSOLUTE = ("l1_loss", "smooth_l1_loss", "huber_loss")
CLASSES = ("cross_entropy", "nll_loss")
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
FLOORLESS = ("gaussian_nll_loss", "poisson_nll_loss")
"""Densities may be above one, so that their negative logarithm has no least value."""

ROUNDING = 1e-12
"""Variance of numbers that are all the same, as a share of their square."""


@dataclass(frozen=True)
class Guess:
    """The loss of the best guess that ignores the inputs, in the unit of what the loss function returns.

    Attributes:
        value: That loss.
        error: Its standard error, by the number of targets that it was computed from.
    """

    value: float
    error: float = 0.0


def constant_guess(loss: Loss, *, batch: float) -> float | None:
    """The value of :func:`guess`; None where it is not known."""
    known = guess(loss, batch=batch)
    return None if known is None else known.value


def guess(loss: Loss, *, batch: float) -> Guess | None:
    """The loss of the best guess that ignores the inputs, of each output its own constant.

    Cross-entropy of counts has the correction of Miller and Madow for their sampling, :math:`(K - 1) / 2N`. Where
    targets were not seen output by output, as in older runs, all outputs share one constant.

    Args:
        loss: What is known of the loss; its reduction ``sum`` multiplies the guess by the elements summed over.
        batch: Examples in a batch, for the reduction ``sum``.

    Returns:
        The guess, or None where it is not known: another function, no statistics of the targets, or nothing to guess.

    Examples:
        >>> from unstuck.record.facts import LossClasses
        >>> even = Loss(function="cross_entropy", classes=LossClasses(number=2, counts=(5000, 5000)))
        >>> round(guess(even, batch=32).value, 3)
        0.693
    """
    value = _of_classes(loss) if loss.function in CLASSES and sum(loss.classes.counts) else _of_real(loss)
    if value is None or not value > 0 or not math.isfinite(value):
        return None
    number = sum(loss.classes.counts) or (loss.target.each.examples if loss.target.each else math.inf)
    scale = elements(loss, batch)
    return Guess(value * scale, value * scale * _relative_error(loss) / math.sqrt(number))


def floor(loss: Loss, *, batch: float) -> float | None:
    """The least value of the loss; None where it has none, or none is known.

    Args:
        loss: What is known of the loss.
        batch: Examples in a batch, for the reduction ``sum``.

    Examples:
        >>> from unstuck.record.facts import LossClasses
        >>> smoothed = Loss(function="cross_entropy", label_smoothing=0.1, classes=LossClasses(number=10))
        >>> round(floor(smoothed, batch=32), 3)
        0.5
    """
    if loss.function is None or loss.function in FLOORLESS:
        return None
    each = loss.target.each
    if loss.function in ("cross_entropy", *BINARY) and each is not None and each.entropy is not None:
        return each.entropy * elements(loss, batch)
    if loss.function == "cross_entropy" and loss.label_smoothing and loss.classes.number:
        return smoothed_entropy(loss.label_smoothing, loss.classes.number) * elements(loss, batch)
    return 0.0


def alike(first: str, second: str) -> bool:
    """Whether two loss functions give the same number for the same outputs, given as each of them takes these."""
    return first == second or any({first, second} <= set(family) for family in (CLASSES, BINARY))


def of_another(loss: Loss, function: str, shape: tuple[int, ...]) -> Loss | None:
    """The mean of another loss function over the same targets.

    Args:
        loss: What is known of the one that is trained on.
        function: The other one.
        shape: Shape of a batch of the targets that it was given.

    Returns:
        Its call, or None where its guess would not be known, or other targets were given.

    Examples:
        >>> from unstuck.record.facts import LossTarget
        >>> pixels = Loss(function="l1_loss", target=LossTarget(shape=(32, 784), type="real", mean=0.1, variance=0.07))
        >>> guess(of_another(pixels, "mse_loss", (500, 784)), batch=1.0).value
        0.07
    """
    target = loss.target
    if function not in (*SQUARED, *BINARY) or target.type != "real" or target.shape[1:] != shape[1:]:
        return None
    return replace(loss, function=function, reduction="mean", weighted=False)


def untrained_loss(loss: Loss, *, batch: float) -> float | None:
    """Loss that a network gives whose outputs are near zero: all classes equally likely, all values zero.

    Cross-entropy over C classes, from logits or from logarithms of probabilities: ln C. Binary: ln 2. Squared error:
    the second moment of the targets.
    """
    value = None
    logarithms = loss.function == "nll_loss" and loss.output.operation == "LogSoftmax"
    classes, target = loss.classes.number or 0, loss.target
    if (loss.function == "cross_entropy" or logarithms) and classes > 1:
        value = math.log(classes)
    elif loss.function in BINARY and not loss.weighted:
        value = math.log(2.0)
    elif loss.function in SQUARED and target.variance is not None and target.mean is not None:
        value = target.variance + target.mean**2
    return value * elements(loss, batch) if value else None


def commonest(loss: Loss) -> float:
    """Share of the commonest class, or of the commoner one of zeros and ones; 0 where there are no classes."""
    counts, target = loss.classes.counts, loss.target
    if sum(counts):
        return max(counts) / sum(counts)
    if loss.function in BINARY and target.distinct == 2 and target.mean is not None:
        return max(target.mean, 1.0 - target.mean)
    return 0.0


def of_one_value(loss: Loss) -> bool:
    """Whether each output's targets were the same for every example, of batches that hold several.

    Examples:
        >>> from unstuck.record.facts import LossClasses
        >>> of_one_value(Loss(function="cross_entropy", classes=LossClasses(number=3, counts=(0, 640, 0))))
        True
    """
    counts, target, each = loss.classes.counts, loss.target, loss.target.each
    if target.shape[:1] == (1,):
        return False  # one example alone, such as an image that coordinates are mapped to
    if sum(counts):
        return max(counts) == sum(counts) > 1
    scale = (target.mean or 0.0) ** 2 + (target.variance or 0.0)
    if each is not None:
        return each.examples > 1.0 and each.variance <= ROUNDING * scale
    return target.variance is not None and target.variance <= ROUNDING * scale


def entropy(shares: Sequence[float]) -> float:
    """Entropy in nats of shares, which need not sum to one.

    Examples:
        >>> round(entropy((2.0, 2.0, 0.0)), 4)
        0.6931
    """
    array = np.array([share for share in shares if share > 0], dtype=np.float64)
    array /= array.sum()
    return float(-(array * np.log(array)).sum())


def smoothed_entropy(smoothing: float, classes: int) -> float:
    """Entropy of a class id that label smoothing has spread, below which no cross-entropy falls.

    Args:
        smoothing: Share that is spread evenly over all classes.
        classes: How many there are.

    Examples:
        >>> smoothed_entropy(0.0, 10), round(smoothed_entropy(0.2, 2), 4)
        (0.0, 0.3251)
    """
    off = smoothing / classes
    return entropy((1.0 - smoothing + off, *[off] * (classes - 1)))


def _of_classes(loss: Loss) -> float | None:
    counts, weights = loss.classes.counts, loss.classes.weights
    if loss.weighted and len(weights) != len(counts):
        return None
    if loss.weighted and loss.label_smoothing:
        return None  # torch weighs the smoothed part by class
    total = sum(counts)
    lacking = (sum(count > 0 for count in counts) - 1) / (2 * total)
    shares = np.array(counts) / total * (np.array(weights) if loss.weighted else 1.0)
    if loss.label_smoothing and loss.classes.number:
        shares = (1.0 - loss.label_smoothing) * shares + loss.label_smoothing / loss.classes.number
    found = entropy(tuple(shares))
    return found + lacking if found else None


def _of_real(loss: Loss) -> float | None:
    target, each = loss.target, loss.target.each
    if of_one_value(loss):
        return None
    seen = each is not None and each.variance > 0.0  # one example alone has nothing to vary over
    if seen and each is not None:
        if loss.function in ("cross_entropy", *BINARY):
            return each.mean_entropy
        if loss.function == "kl_div" and each.mean_entropy is not None and each.entropy is not None:
            return each.mean_entropy - each.entropy
        if loss.function in SQUARED:
            return each.variance
        if loss.function in ABSOLUTE and each.deviation is not None:
            return each.deviation
    return None if loss.weighted else _of_one_for_all(loss.function, target.mean, target.variance)


def _of_one_for_all(function: str | None, mean: float | None, variance: float | None) -> float | None:
    """Where all outputs share one constant; of absolute errors an upper bound, the standard deviation."""
    if function in BINARY and mean is not None and 0.0 < mean < 1.0:
        return entropy((mean, 1.0 - mean))
    if function in SQUARED:
        return variance
    if function == "l1_loss" and variance is not None:
        return math.sqrt(variance)
    return None


def _relative_error(loss: Loss) -> float:
    """Standard deviation of the loss of one example under the guess, over the mean: that of a normal variable's square,
    or, of class counts, that of the logarithm of a class's share.
    """
    if not sum(loss.classes.counts):
        return math.sqrt(2.0)
    shares = np.array([count for count in loss.classes.counts if count]) / sum(loss.classes.counts)
    mean = float(-(shares * np.log(shares)).sum())
    square = float((shares * np.log(shares) ** 2).sum())
    return math.sqrt(max(0.0, square - mean**2)) / mean if mean else 0.0

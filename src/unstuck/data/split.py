"""Cut examples into training, validation and test parts, each with the same mixture of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import ArgumentError

__all__ = ["Split", "in_order", "quantiles", "split"]

QUANTILES = 10  #: strata of a regression: tenths of the range of its targets

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of each part, in random order; no row is in two parts."""

    train: Indices
    validation: Indices
    test: Indices


def split(strata: NDArray[np.int64], *, validation: float, test: float, seed: int) -> Split:
    """Draw a stratified split.

    Rows are put in order of their stratum, at random within it, and taken at regular intervals. A part of share f
    then holds f n of the n examples of each stratum and f N of all, both to within one.

    Args:
        strata: The stratum of each example, such as its class, shape (N,).
        validation: Share of all examples held out to steer training, 0 to 1.
        test: Share of all examples held out to the end, 0 to 1.
        seed: Seed of the draw.

    Raises:
        ArgumentError: A share is outside 0 to 1, or nothing is left to train on.

    Examples:
        >>> parts = split(np.array([0, 1] * 50), validation=0.2, test=0.1, seed=0)
        >>> len(parts.train), len(parts.validation), len(parts.test)
        (70, 20, 10)
    """
    _check(validation, test)
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(strata))
    ordered = shuffled[np.argsort(strata[shuffled], kind="stable")]
    held_out = _regular(len(ordered), test)
    rest = ordered[~held_out]
    steering = _regular(len(rest), validation / (1.0 - test))
    return Split(
        train=random.permutation(rest[~steering]),
        validation=random.permutation(rest[steering]),
        test=random.permutation(ordered[held_out]),
    )


def in_order(count: int, *, validation: float, test: float) -> Split:
    """Cut examples that follow each other: the first are for training, the last for testing.

    Args:
        count: How many there are.
        validation: Share of all examples held out to steer training, 0 to 1.
        test: Share of all examples held out to the end, 0 to 1.

    Raises:
        ArgumentError: A share is outside 0 to 1, or nothing is left to train on.

    Examples:
        >>> in_order(10, validation=0.2, test=0.1).validation.tolist()
        [7, 8]
    """
    _check(validation, test)
    rows = np.arange(count)
    held_out = count - round(count * test)
    steering = held_out - round(count * validation)
    return Split(train=rows[:steering], validation=rows[steering:held_out], test=rows[held_out:])


def quantiles(targets: NDArray[np.float64]) -> NDArray[np.int64]:
    """Strata of real targets: the tenth of their range that each falls in."""
    ranks = np.argsort(np.argsort(targets.reshape(len(targets), -1)[:, 0], kind="stable"), kind="stable")
    return (ranks * QUANTILES) // max(len(targets), 1)


def _check(validation: float, test: float) -> None:
    for name, share in (("validation", validation), ("test", test)):
        if not 0.0 <= share < 1.0:
            raise ArgumentError(f"{name}={share!r}: a share of the examples is accepted, from 0 to below 1")
    if validation + test >= 1.0:
        raise ArgumentError(
            f"validation={validation!r}, test={test!r}: together they must stay below 1, or nothing is left to train on"
        )


def _regular(count: int, share: float) -> NDArray[np.bool_]:
    """Positions taken when every 1/share-th of ``count`` is, beginning in the middle of the first interval."""
    # The rounding keeps 0.2 * 5 from ending as 0.9999999.
    marks = np.floor(np.round(np.arange(count + 1) * share + 0.5, 9))
    return np.diff(marks) > 0

"""What one number says, just below each bound and just above it."""

from __future__ import annotations

import math

import pytest

from unstuck.learning.outcome import best_of, of_accuracy, of_loss, of_recalls


@pytest.mark.parametrize(
    ("value", "error", "floor", "says"),
    [
        (0.96, 0.001, 0.0, "none"),  # a twentieth
        (0.94, 0.001, 0.0, "partial"),
        (0.90, 0.034, 0.0, "none"),  # three standard errors
        (0.90, 0.033, 0.0, "partial"),
        (0.81, 0.1, 0.0, "none"),  # what noise explains, but for a fifth
        (0.79, 0.1, 0.0, "unknown"),
        (0.21, 0.01, 0.0, "partial"),  # a fifth is left
        (0.19, 0.01, 0.0, "good"),
        (0.61, 0.01, 0.5, "partial"),  # a fifth of what there is to learn above the floor
        (0.59, 0.01, 0.5, "good"),
        (0.976, 0.001, 0.5, "none"),
        (0.974, 0.001, 0.5, "partial"),
        (1.5, 0.01, 0.0, "none"),
        (0.5, 0.01, 1.0, "unknown"),
        (math.nan, 0.01, 0.0, "unknown"),
        (0.99, math.inf, 0.0, "none"),
    ],
)
def test_what_a_loss_says(value: float, error: float, floor: float, says: str) -> None:
    found = of_loss("training loss", value, reference=1.0, floor=floor, error=error, step=9)
    assert found.says == says


@pytest.mark.parametrize(
    ("value", "commonest", "error", "says"),
    [
        (0.89, 0.1, 0.001, "partial"),
        (0.91, 0.1, 0.001, "good"),
        (0.94, 0.89, 0.001, "partial"),  # half of what the commonest class gets wrong
        (0.946, 0.89, 0.001, "good"),
        (0.14, 0.1, 0.001, "none"),
        (0.15, 0.1, 0.001, "partial"),
        (0.2, 0.1, 0.034, "none"),
        (0.2, 0.1, 0.033, "partial"),
        (0.3, 0.1, 0.1, "unknown"),
        (0.2, 0.1, 0.07, "none"),  # what noise may hide is less than a fifth
        (0.2, 0.1, 0.09, "unknown"),
        (0.97, 0.98, 0.02, "unknown"),
        (0.99, 0.0, 0.001, "unknown"),
        (1.0, 1.0, 0.001, "unknown"),
    ],
)
def test_what_an_accuracy_says(value: float, commonest: float, error: float, says: str) -> None:
    assert of_accuracy("training accuracy", value, commonest=commonest, error=error, step=9).says == says


def test_an_accuracy_below_the_commonest_class_says_nothing_of_a_loss_that_weighs() -> None:
    low = of_accuracy("training accuracy", 0.7, commonest=0.9, error=0.001, step=9, weighed=True)
    high = of_accuracy("training accuracy", 0.97, commonest=0.9, error=0.001, step=9, weighed=True)
    assert (low.says, high.says) == ("unknown", "good")


@pytest.mark.parametrize(
    ("recalls", "examples", "says"),
    [
        ((0.67, 0.86), (414.0, 8.0), "partial"),
        ((1.0, 0.0), (414.0, 50.0), "none"),  # one class alone
        ((1.0, 0.33), (414.0, 3.0), "unknown"),  # one right of three
        ((0.95, 0.95, 0.9), (100.0, 100.0, 100.0), "good"),
        ((0.95, math.nan, 0.9), (100.0, 0.0, 100.0), "good"),
        ((0.95, math.nan), (100.0, 0.0), None),
        ((), (), None),
    ],
)
def test_what_the_mean_recall_says(recalls: tuple[float, ...], examples: tuple[float, ...], says: str | None) -> None:
    found = of_recalls(recalls, examples, step=9)
    assert (found and found.says) == says


def test_words_and_gain() -> None:
    found = of_loss("training loss", 0.75, reference=1.0, floor=0.5, error=0.01, step=9)
    assert found.words == "training loss 0.75 where a constant guess has 1, and at least 0.5 is left"
    assert found.gain == 0.5
    right = of_accuracy("evaluation accuracy", 0.78, commonest=0.1, error=0.01, step=9)
    assert right.words == "evaluation accuracy 78% where the commonest class has 10%"


def test_one_number_is_enough_to_show_learning() -> None:
    assert best_of() == "unknown"
    assert best_of("unknown", "none") == "none"
    assert best_of("good", "none", "partial") == "good"

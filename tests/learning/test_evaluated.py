"""What the last evaluations say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from unstuck.learning.answers import Answers
from unstuck.learning.evaluated import evaluated
from unstuck.learning.outcome import Indication
from unstuck.record import Signal, signals
from unstuck.record.facts import EvaluatedLoss, Fact, Loss, LossClasses, LossTarget, TargetOutputs
from unstuck.testing.rules import record

TEN = Loss(function="cross_entropy", classes=LossClasses(number=10, counts=(1_000,) * 10))
EVEN = Answers(commonest=0.1)


def said(
    folder: Path, loss: Loss | None = TEN, *, answers: Answers = EVEN, facts: Iterable[Fact] = (), **series: list[float]
) -> dict[str, Indication]:
    named: dict[Signal, list[float]] = {signals.BY_KEY[key]: values for key, values in series.items()}
    with record(folder, series=named, facts=facts) as run:
        return {one.what: one for one in evaluated(run, loss, answers)}


@pytest.mark.parametrize(
    ("accuracy", "examples", "says"),
    [(0.95, 1_000, "good"), (0.8, 1_000, "partial"), (0.11, 1_000, "none"), (0.3, 10, "unknown"), (0.2, 60, "none")],
)
def test_accuracy_has_the_error_of_its_examples(accuracy: float, examples: float, says: str, tmp_path: Path) -> None:
    found = said(tmp_path, validation_accuracy=[0.1, *[accuracy] * 3], evaluated=[examples] * 4)
    assert found["evaluation accuracy"].says == says
    assert found["evaluation accuracy"].step == 3


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (Answers(commonest=0.98), "none"),
        (Answers(commonest=0.98, weighed=True), "unknown"),
        (Answers(commonest=0.1, sampled=True), "unknown"),
    ],
)
def test_the_commonest_class_of_training_is_not_that_of_every_evaluation(
    answers: Answers, says: str, tmp_path: Path
) -> None:
    found = said(tmp_path, answers=answers, validation_accuracy=[0.7] * 3, evaluated=[10_000.0] * 3)
    assert found["evaluation accuracy"].says == says


def test_one_bad_evaluation_of_three_does_not_count(tmp_path: Path) -> None:
    found = said(tmp_path, validation_accuracy=[0.95, 0.1, 0.95], evaluated=[900.0] * 3)
    assert found["evaluation accuracy"].value == 0.95


@pytest.mark.parametrize(
    ("losses", "says"),
    [
        ([1.0, 0.4, 0.3, 0.3], "good"),
        ([2.0, 1.5, 1.2, 1.2], "partial"),
        ([2.31, 2.3, 2.31, 2.3], "none"),
        ([1.0, 2.0, 4.0, 5.0], "none"),  # it was below the guess, so the unit is the same
        ([300.0, 250.0, 240.0, 230.0], None),  # another unit
        ([-1.0, -1.0, -1.0], None),
    ],
)
def test_losses(losses: list[float], says: str | None, tmp_path: Path) -> None:
    found = said(tmp_path, validation_loss=losses).get("evaluation loss")
    assert (found and found.says) == says


def test_without_evaluations_or_a_guess_nothing_is_said(tmp_path: Path) -> None:
    assert said(tmp_path / "a") == {}
    assert said(tmp_path / "b", None, validation_loss=[1.0]) == {}
    assert said(tmp_path / "c", Loss(function="triplet_margin_loss"), validation_loss=[1.0]) == {}


NO_CLASSES = Answers()


@pytest.mark.parametrize(
    ("accuracies", "says"), [([0.5, 0.7, 0.7], "partial"), ([0.5, 0.55, 0.55], "unknown"), ([0.93] * 3, "partial")]
)
def test_without_classes_an_accuracy_is_held_against_the_first(accuracies, says, tmp_path: Path) -> None:
    found = said(tmp_path, None, answers=NO_CLASSES, validation_accuracy=accuracies, evaluated=[900.0] * 3)
    assert found["evaluation accuracy"].says == says


def test_a_sampled_accuracy_is_high_without_learning(tmp_path: Path) -> None:
    found = said(tmp_path, answers=Answers(commonest=0.5, sampled=True), validation_accuracy=[0.98] * 3)
    assert found["evaluation accuracy"].says == "unknown"


@pytest.mark.parametrize(
    ("losses", "says"), [([2.0, 1.0, 1.5, 1.5], "partial"), ([2.0, 1.7, 1.7, 1.7], None), ([2.0, -1.0, 1.0], None)]
)
def test_without_a_guess_a_loss_is_held_against_the_first(losses, says, tmp_path: Path) -> None:
    found = said(tmp_path, None, validation_loss=losses).get("evaluation loss")
    assert (found and found.says) == says


PIXELS = Loss(
    function="binary_cross_entropy_with_logits",
    target=LossTarget(
        shape=(32, 784),
        type="real",
        mean=0.13,
        variance=0.09,
        each=TargetOutputs(outputs=784, examples=4_000, variance=0.067, mean_entropy=0.262, entropy=0.059),
    ),
)


@pytest.mark.parametrize(
    ("function", "shape", "last", "says"),
    [
        ("mse_loss", (500, 784), 0.0673, "none"),  # far below 0.262, and above the variance of the pixels
        ("mse_loss", (500, 784), 0.03, "partial"),
        ("mse_loss", (500, 10), 0.0673, "partial"),  # of other targets: it has fallen, and nothing more is known
        ("l1_loss", (500, 784), 0.0673, "partial"),
        ("binary_cross_entropy", (500, 784), 0.262, "none"),
        ("binary_cross_entropy", (500, 784), 0.08, "good"),
    ],
)
def test_a_loss_of_another_function_has_another_guess(
    function: str, shape: tuple[int, ...], last: float, says: str, tmp_path: Path
) -> None:
    measure = EvaluatedLoss(function=function, shape=shape)
    losses = [0.3 if "cross" in function else 0.09, *[last] * 6]
    found = said(tmp_path, PIXELS, answers=NO_CLASSES, facts=[PIXELS, measure], validation_loss=losses)
    assert found["evaluation loss"].says == says

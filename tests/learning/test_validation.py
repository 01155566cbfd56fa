from pathlib import Path

import numpy as np
import pytest

from unstuck.learning import Learning, constant_guess
from unstuck.learning.validation import Validation
from unstuck.record import signals
from unstuck.record.facts import EvaluatedLoss, Loss, LossClasses, LossOutput, LossTarget, TargetOutputs
from unstuck.testing.rules import record


def test_the_last_three_evaluations_count_and_one_bad_one_of_them_does_not(tmp_path: Path) -> None:
    run = record(
        tmp_path,
        series={signals.VALIDATION_LOSS: [2.0, 1.0, 0.5, 9.0, 0.6], signals.VALIDATION_ACCURACY: [0.1, 0.5, 0.8]},
        steps={signals.VALIDATION_LOSS: [10, 20, 30, 40, 50], signals.VALIDATION_ACCURACY: [10, 20, 60]},
    )
    validation = Validation.of(run)
    assert (validation.loss, validation.accuracy, validation.step) == (0.6, 0.5, 60)


def test_without_evaluations_nothing_is_known(tmp_path: Path) -> None:
    assert Validation.of(record(tmp_path, series={signals.LOSS: [1.0]})) == Validation(factor=1.0)


def test_a_loss_of_another_function_is_not_compared_with_that_of_training(tmp_path: Path) -> None:
    for function, known in (("nll_loss", 1.0), ("mse_loss", None)):
        facts = [Loss(function="cross_entropy"), EvaluatedLoss(function=function)]
        run = record(tmp_path / function, series={signals.VALIDATION_LOSS: [1.0] * 3}, facts=facts)
        assert Validation.of(run).loss == known


PIXELS = Loss(
    function="mse_loss",
    reduction="sum",
    output=LossOutput(shape=(50, 64)),
    target=LossTarget(shape=(50, 64), type="real", each=TargetOutputs(outputs=64, examples=900, variance=0.07)),
)
GUESS = 50 * 64 * 0.07
"""What a constant has on a batch."""


def judged(folder: Path, loss: Loss, measure: EvaluatedLoss, *, train: float, last: float) -> tuple[Validation, bool]:
    """What is known of a training whose loss falls from a guess to ``train``, and whether validation lags."""
    start = constant_guess(loss, batch=50)
    series = {
        signals.LOSS: np.geomspace(start or 1.0, train, 200),
        signals.LOSS_CALL: np.geomspace(start or 1.0, train, 200),
        signals.BATCH_SIZE: [50.0] * 200,
        signals.VALIDATION_LOSS: [2.0 * last, last, last, last],
    }
    steps = {signals.VALIDATION_LOSS: [50, 180, 190, 200]}
    with record(folder, series=series, facts=[loss, measure], steps=steps) as run:
        return Validation.of(run), Validation.of(run).lags(Learning.of(run))


@pytest.mark.parametrize(("reduction", "guess"), [("mean", 0.07), ("none", 0.07), ("sum", 64 * 0.07)])
@pytest.mark.parametrize(("left", "lags"), [(0.1, False), (0.4, True)])
def test_each_loss_is_held_against_the_guess_of_its_own_unit(
    reduction: str, guess: float, left: float, lags: bool, tmp_path: Path
) -> None:
    measure = EvaluatedLoss(function="mse_loss", shape=(400, 64), reduction=reduction)
    known, behind = judged(tmp_path, PIXELS, measure, train=0.05 * GUESS, last=left * guess)
    assert known.left == pytest.approx(left)
    assert known.loss == pytest.approx(left * GUESS)
    assert behind is lags


def test_a_number_for_a_batch_is_not_far_below_that_for_an_example(tmp_path: Path) -> None:
    measure = EvaluatedLoss(function="mse_loss", shape=(400, 64), reduction="mean")
    known, behind = judged(tmp_path, PIXELS, measure, train=0.01 * GUESS, last=0.035)
    assert behind
    assert known.own == 0.035 < 0.01 * GUESS


def test_of_an_older_run_it_is_not_known_whether_a_sum_was_one(tmp_path: Path) -> None:
    measure = EvaluatedLoss(function="mse_loss", shape=(400, 64))
    known, behind = judged(tmp_path, PIXELS, measure, train=0.01 * GUESS, last=0.035)
    assert (known.unit, known.loss, behind) == (None, None, False)


ONE = LossTarget(shape=(50, 1), type="real", variance=1.0, each=TargetOutputs(outputs=1, examples=900, variance=1.0))
STANDARDISED = Loss(function="mse_loss", output=LossOutput(shape=(50, 1)), target=ONE)


@pytest.mark.parametrize(
    ("targets", "outputs", "last", "guess"),
    [
        (9e8, 8e8, 9e6, 9e8),  # prices, compared with prices
        (9e8, 0.9, 9e8, 1.0),  # prices, compared with what the model gives
        (1.2, 0.9, 0.01, 1.0),
    ],
)
def test_targets_of_another_unit_have_another_guess_where_outputs_are_converted_too(
    targets: float, outputs: float, last: float, guess: float, tmp_path: Path
) -> None:
    measure = EvaluatedLoss(
        function="mse_loss", shape=(400, 1), reduction="mean", variance=targets, output_variance=outputs
    )
    known, behind = judged(tmp_path, STANDARDISED, measure, train=0.02, last=last)
    assert known.unit is not None
    assert known.unit.guess.value == pytest.approx(guess)
    assert behind is (last > guess)


SMOOTHED = Loss(
    function="cross_entropy",
    label_smoothing=0.1,
    weighted=True,
    classes=LossClasses(number=2, counts=(900, 100), weights=(1.0, 9.0)),
)


def test_an_evaluation_that_weighs_no_classes_and_smooths_no_labels_has_its_own_guess(tmp_path: Path) -> None:
    measure = EvaluatedLoss(function="cross_entropy", shape=(400,), reduction="mean")
    known, _ = judged(tmp_path, SMOOTHED, measure, train=0.4, last=0.1)
    assert known.unit is not None
    assert (known.unit.guess.value, known.unit.floor) == (pytest.approx(0.325, abs=0.01), 0.0)
    assert known.loss is None  # no factor leads from one to the other


def test_before_the_end_nothing_is_said_of_it(tmp_path: Path) -> None:
    series = {signals.LOSS: np.geomspace(2.3, 0.1, 200), signals.VALIDATION_ACCURACY: [0.1, 0.8]}
    with record(tmp_path, series=series, steps={signals.VALIDATION_ACCURACY: [20, 100]}) as run:
        assert Validation.of(run).accuracy is None


@pytest.mark.parametrize(("divided", "factor"), [(1.0, 1.0), (0.25, None), (1.3, 1.0)])
def test_without_a_guess_a_loss_is_compared_unless_it_was_divided(
    divided: float, factor: float | None, tmp_path: Path
) -> None:
    called = np.geomspace(2.0, 0.1, 200)
    series = {
        signals.LOSS: divided * called,
        signals.LOSS_CALL: called,
        signals.VALIDATION_LOSS: [0.1] * 3,
    }
    facts = [
        Loss(function="triplet_margin_loss"),
        EvaluatedLoss(function="triplet_margin_loss", shape=(50, 8), reduction="mean"),
    ]
    with record(tmp_path, series=series, facts=facts, steps={signals.VALIDATION_LOSS: [180, 190, 200]}) as run:
        assert Validation.of(run).factor == factor

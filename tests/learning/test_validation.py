from pathlib import Path

from unstuck.learning.validation import Validation
from unstuck.record import signals
from unstuck.record.facts import EvaluatedLoss, Loss
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
    assert Validation.of(record(tmp_path, series={signals.LOSS: [1.0]})) == Validation(None, None, 0)


def test_a_loss_of_another_function_is_not_compared_with_that_of_training(tmp_path: Path) -> None:
    for function, known in (("nll_loss", 1.0), ("mse_loss", None)):
        facts = [Loss(function="cross_entropy"), EvaluatedLoss(function=function)]
        run = record(tmp_path / function, series={signals.VALIDATION_LOSS: [1.0] * 3}, facts=facts)
        assert Validation.of(run).loss == known

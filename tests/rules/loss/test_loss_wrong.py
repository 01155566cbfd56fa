from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss
from unstuck.rules.loss.loss_wrong import LossWrong
from unstuck.testing.rules import RuleContract, outcome, record

CLASSES = Loss(
    function="cross_entropy", output_shape=(32, 10), target_shape=(32,), target_type="class", classes=10,
    class_counts=(10,) * 10, target_minimum=0.0, target_maximum=9.0, file="train.py", line=7,
)  # fmt: skip
NUMBERS = Loss(
    function="mse_loss", output_shape=(32, 1), target_shape=(32, 1), target_type="real", target_mean=4.5,
    target_variance=8.25, target_minimum=0.0, target_maximum=9.0, target_distinct=10, target_integers=True,
)  # fmt: skip
ONE_HOT = Loss(
    function="mse_loss", output_shape=(32, 10), target_shape=(32, 10), target_type="real", target_mean=0.1,
    target_variance=0.09, target_minimum=0.0, target_maximum=1.0, target_distinct=2, target_integers=True,
    target_row_sums=(1.0, 1.0), output_op="Softmax",
)  # fmt: skip
FLAT = np.full(100, 8.0)


def seen(folder: Path, call: Loss, loss: np.ndarray = FLAT) -> Run:
    return record(folder, series={signals.LOSS: loss}, facts=(call,))


class TestContract(RuleContract):
    rule = LossWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "sick", NUMBERS)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "healthy", CLASSES)


SOFT = replace(CLASSES, target_type="real", target_shape=(32, 10), classes=None)


@pytest.mark.parametrize(
    "call",
    [
        replace(SOFT, output_shape=(32, 1), target_shape=(32, 1)),
        replace(SOFT, target_minimum=-1.3, target_maximum=2.2, target_row_sums=(-4.0, 5.0)),
        replace(SOFT, target_minimum=0.0, target_maximum=1.0, target_row_sums=(0.0, 4.0)),
        replace(NUMBERS, function="l1_loss", output_shape=(32,), target_shape=(32,)),
        ONE_HOT,
        replace(ONE_HOT, function="binary_cross_entropy_with_logits", output_op="Addmm"),
    ],
    ids=["one output", "regression", "several labels", "class numbers", "squared one-hot", "binary one-hot"],
)
def test_a_loss_for_another_task_is_named(tmp_path: Path, call: Loss) -> None:
    with seen(tmp_path / "a", call) as run:
        (finding,) = outcome(LossWrong(), run)
    assert finding.severity != "note"
    assert finding.cause == "loss-wrong"


@pytest.mark.parametrize(
    "call",
    [
        CLASSES,
        replace(SOFT, target_minimum=0.0, target_maximum=1.0, target_row_sums=(0.9999, 1.0001)),
        replace(NUMBERS, target_variance=1.0),
        replace(NUMBERS, target_minimum=1.0, target_mean=3.0, target_maximum=5.0, target_variance=2.0),
        replace(NUMBERS, target_integers=False, target_distinct=17),
        replace(NUMBERS, target_maximum=1.0, target_mean=0.5, target_variance=0.25, target_distinct=2),
        replace(NUMBERS, output_shape=(32, 10), target_shape=(32, 10)),
        replace(ONE_HOT, output_op="Addmm"),
        replace(ONE_HOT, function="binary_cross_entropy_with_logits", output_op="Addmm", target_row_sums=(0.0, 3.0)),
    ],
    ids=["classes", "soft labels", "counts", "ratings", "real", "yes or no", "images", "least squares", "labels"],
)
def test_losses_that_fit_are_silent(tmp_path: Path, call: Loss) -> None:
    with seen(tmp_path / "a", call) as run:
        assert outcome(LossWrong(), run) == []


def test_what_is_learnt_well_is_left_alone(tmp_path: Path) -> None:
    with seen(tmp_path / "a", ONE_HOT, np.geomspace(0.09, 0.001, 100)) as run:
        assert outcome(LossWrong(), run) == []

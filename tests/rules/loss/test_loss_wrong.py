from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget, OutputReach
from unstuck.rules.loss.loss_wrong import LossWrong
from unstuck.rules.reach import SIMILARITY
from unstuck.testing.rules import RuleContract, outcome, record

CLASSES = Loss(
    function="cross_entropy",
    output=LossOutput(shape=(32, 10)),
    target=LossTarget(shape=(32,), type="class", minimum=0.0, maximum=9.0),
    classes=LossClasses(number=10, counts=(10,) * 10),
    file="train.py",
    line=7,
)
NUMBERS = Loss(
    function="mse_loss",
    output=LossOutput(shape=(32, 1)),
    target=LossTarget(
        shape=(32, 1), type="real", mean=4.5, variance=8.25, minimum=0.0, maximum=9.0, distinct=10, integers=True
    ),
)
ONE_HOT = Loss(
    function="mse_loss",
    output=LossOutput(shape=(32, 10), operation="Softmax"),
    target=LossTarget(
        shape=(32, 10),
        type="real",
        mean=0.1,
        variance=0.09,
        minimum=0.0,
        maximum=1.0,
        distinct=2,
        integers=True,
        row_sums=(1.0, 1.0),
    ),
)
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


SOFT = replace(
    CLASSES, target=replace(CLASSES.target, type="real", shape=(32, 10)), classes=replace(CLASSES.classes, number=None)
)


@pytest.mark.parametrize(
    "call",
    [
        replace(SOFT, output=replace(SOFT.output, shape=(32, 1)), target=replace(SOFT.target, shape=(32, 1))),
        replace(SOFT, target=replace(SOFT.target, minimum=-1.3, maximum=2.2, row_sums=(-4.0, 5.0))),
        replace(SOFT, target=replace(SOFT.target, minimum=0.0, maximum=1.0, row_sums=(0.0, 4.0))),
        replace(
            NUMBERS,
            function="l1_loss",
            output=replace(NUMBERS.output, shape=(32,)),
            target=replace(NUMBERS.target, shape=(32,)),
        ),
        ONE_HOT,
        replace(
            ONE_HOT, function="binary_cross_entropy_with_logits", output=replace(ONE_HOT.output, operation="Addmm")
        ),
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
        replace(SOFT, target=replace(SOFT.target, minimum=0.0, maximum=1.0, row_sums=(0.9999, 1.0001))),
        replace(NUMBERS, target=replace(NUMBERS.target, variance=1.0)),
        replace(NUMBERS, target=replace(NUMBERS.target, minimum=1.0, mean=3.0, maximum=5.0, variance=2.0)),
        replace(NUMBERS, target=replace(NUMBERS.target, integers=False, distinct=17)),
        replace(NUMBERS, target=replace(NUMBERS.target, maximum=1.0, mean=0.5, variance=0.25, distinct=2)),
        replace(
            NUMBERS, output=replace(NUMBERS.output, shape=(32, 10)), target=replace(NUMBERS.target, shape=(32, 10))
        ),
        replace(ONE_HOT, output=replace(ONE_HOT.output, operation="Addmm")),
        replace(
            ONE_HOT,
            function="binary_cross_entropy_with_logits",
            output=replace(ONE_HOT.output, operation="Addmm"),
            target=replace(ONE_HOT.target, row_sums=(0.0, 3.0)),
        ),
    ],
    ids=["classes", "soft labels", "counts", "ratings", "real", "yes or no", "images", "least squares", "labels"],
)
def test_losses_that_fit_are_silent(tmp_path: Path, call: Loss) -> None:
    with seen(tmp_path / "a", call) as run:
        assert outcome(LossWrong(), run) == []


def test_what_is_learnt_well_is_left_alone(tmp_path: Path) -> None:
    with seen(tmp_path / "a", ONE_HOT, np.geomspace(0.09, 0.001, 100)) as run:
        assert outcome(LossWrong(), run) == []


def test_how_alike_two_things_are_is_no_class(tmp_path: Path) -> None:
    cosine = OutputReach(operation=SIMILARITY, lowest=-1.0, highest=1.0)
    scores = replace(NUMBERS, output=LossOutput(shape=(32,), reach=cosine))
    assert outcome(LossWrong(), seen(tmp_path / "alike", scores)) == []
    assert outcome(LossWrong(), seen(tmp_path / "one", replace(NUMBERS, output=LossOutput(shape=(32,))))) != []

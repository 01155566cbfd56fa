from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss
from unstuck.rules import judge
from unstuck.rules.model.output_activation_wrong import OutputActivationWrong
from unstuck.testing.rules import RuleContract, outcome, record

CLASSES = Loss(
    function="cross_entropy", output_shape=(32, 10), target_shape=(32,), target_type="class", classes=10,
    class_counts=(10,) * 10, output_minimum=-3.0, output_maximum=4.0, output_op="Addmm", file="train.py", line=7,
)  # fmt: skip
NUMBERS = Loss(
    function="mse_loss", output_shape=(32,), target_shape=(32,), target_type="real", target_mean=0.0,
    target_variance=1.0, target_minimum=-2.5, target_maximum=2.5, output_op="Addmm",
)  # fmt: skip
FLAT, FALLING = np.full(100, 2.3), np.geomspace(2.3, 0.02, 100)


def seen(folder: Path, call: Loss, loss: np.ndarray = FLAT) -> Run:
    return record(folder, series={signals.LOSS: loss}, facts=(call,))


class TestContract(RuleContract):
    rule = OutputActivationWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "sick", replace(CLASSES, output_op="Softmax", output_minimum=0.0, output_maximum=0.9))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "healthy", CLASSES)


BINARY = replace(CLASSES, function="binary_cross_entropy_with_logits", output_shape=(32, 1), target_shape=(32, 1))


@pytest.mark.parametrize(
    "call",
    [
        replace(CLASSES, output_op="Softmax"),
        replace(CLASSES, output_op="Sigmoid"),
        replace(BINARY, output_op="Sigmoid"),
        replace(BINARY, output_op="Relu"),
        replace(CLASSES, function="nll_loss"),
        replace(CLASSES, function="nll_loss", output_op="Softmax", output_minimum=0.0, output_maximum=1.0),
        replace(CLASSES, function="kl_div", target_type="real", output_op="Softmax", output_maximum=0.4),
        replace(BINARY, function="binary_cross_entropy", output_op="Softmax", output_op_axis=1),
        replace(
            BINARY,
            function="binary_cross_entropy",
            output_shape=(32,),
            target_shape=(32,),
            output_op="Softmax",
            output_op_axis=1,
            output_op_shape=(32, 1),
        ),
        replace(BINARY, function="binary_cross_entropy"),
        replace(NUMBERS, output_op="Relu"),
        replace(NUMBERS, output_op="Sigmoid"),
        replace(NUMBERS, output_op="Tanh", target_mean=150.0, target_minimum=25.0, target_maximum=340.0),
    ],
    ids=lambda call: f"{call.output_op}-{call.function}",
)
def test_what_cannot_give_the_targets_is_an_error(tmp_path: Path, call: Loss) -> None:
    with seen(tmp_path / "a", call) as run:
        (finding,) = outcome(OutputActivationWrong(), run)
    assert (finding.severity, finding.cause) == ("error", "output-activation-wrong")


@pytest.mark.parametrize(
    "call",
    [
        CLASSES,
        NUMBERS,
        BINARY,
        replace(CLASSES, function="nll_loss", output_op="LogSoftmax", output_minimum=-9.0, output_maximum=-1e-6),
        replace(CLASSES, function="nll_loss", output_op="Log", output_minimum=-9.0, output_maximum=0.0),
        replace(BINARY, function="binary_cross_entropy", output_op="Sigmoid", output_minimum=0.0, output_maximum=1.0),
        replace(NUMBERS, output_op="Sigmoid", target_mean=0.4, target_variance=0.1, target_minimum=0.0,
                target_maximum=1.0),
        replace(NUMBERS, output_op="Relu", target_mean=4.0, target_minimum=0.0, target_maximum=9.0),
        replace(NUMBERS, output_op="Tanh", target_variance=0.2, target_minimum=-1.0, target_maximum=1.0),
        replace(NUMBERS, output_op="Softplus", target_mean=5.0, target_minimum=-0.2),
        replace(CLASSES, output_op="Mul"),
    ],
    ids=lambda call: f"{call.output_op}-{call.function}",
)  # fmt: skip
def test_pairs_that_fit_are_silent(tmp_path: Path, call: Loss) -> None:
    with seen(tmp_path / "a", call) as run:
        assert outcome(OutputActivationWrong(), run) == []


def test_a_log_softmax_twice_changes_nothing(tmp_path: Path) -> None:
    with seen(tmp_path / "a", replace(CLASSES, output_op="LogSoftmax", output_op_axis=1)) as run:
        (finding,) = outcome(OutputActivationWrong(), run)
    assert finding.severity == "note"


def test_a_rectifier_with_which_learning_is_good_is_a_note(tmp_path: Path) -> None:
    call = replace(CLASSES, output_op="Relu", output_minimum=0.0)
    with seen(tmp_path / "a", call, FALLING) as good, seen(tmp_path / "b", call) as poor:
        severities = [outcome(OutputActivationWrong(), run)[0].severity for run in (good, poor)]
    assert severities == ["note", "error"]


def test_a_softmax_twice_is_wrong_however_good_the_curve_looks(tmp_path: Path) -> None:
    with seen(tmp_path / "a", replace(CLASSES, output_op="Softmax"), FALLING) as run:
        first = judge(run).findings[0]
    assert (first.code, first.severity, str(first.where)) == ("M101", "error", "train.py:7")


def test_it_stands_above_what_follows_from_it(tmp_path: Path) -> None:
    call = replace(CLASSES, output_op="Softmax", classes=2, class_counts=(50, 50), output_shape=(32, 2))
    with seen(tmp_path / "a", call, np.full(100, 40.0)) as run:
        first = judge(run).findings[0]
    assert first.code == "M101"
    assert "I101" in {symptom.code for symptom in first.symptoms}

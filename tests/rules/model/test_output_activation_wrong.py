from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget, OutputSoftmax
from unstuck.rules import judge
from unstuck.rules.model.output_activation_wrong import OutputActivationWrong
from unstuck.testing.rules import RuleContract, outcome, record

CLASSES = Loss(
    function="cross_entropy",
    output=LossOutput(shape=(32, 10), minimum=-3.0, maximum=4.0, operation="Addmm"),
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(10,) * 10),
    file="train.py",
    line=7,
)
NUMBERS = Loss(
    function="mse_loss",
    output=LossOutput(shape=(32,), operation="Addmm"),
    target=LossTarget(shape=(32,), type="real", mean=0.0, variance=1.0, minimum=-2.5, maximum=2.5),
)
FLAT, FALLING = np.full(100, 2.3), np.geomspace(2.3, 0.02, 100)


def seen(folder: Path, call: Loss, loss: np.ndarray = FLAT) -> Run:
    return record(folder, series={signals.LOSS: loss}, facts=(call,))


class TestContract(RuleContract):
    rule = OutputActivationWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return seen(
            tmp_path / "sick",
            replace(CLASSES, output=replace(CLASSES.output, operation="Softmax", minimum=0.0, maximum=0.9)),
        )

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "healthy", CLASSES)


BINARY = replace(
    CLASSES,
    function="binary_cross_entropy_with_logits",
    output=replace(CLASSES.output, shape=(32, 1)),
    target=replace(CLASSES.target, shape=(32, 1)),
)


@pytest.mark.parametrize(
    "call",
    [
        replace(CLASSES, output=replace(CLASSES.output, operation="Softmax")),
        replace(CLASSES, output=replace(CLASSES.output, operation="Sigmoid")),
        replace(BINARY, output=replace(BINARY.output, operation="Sigmoid")),
        replace(BINARY, output=replace(BINARY.output, operation="Relu")),
        replace(CLASSES, function="nll_loss"),
        replace(
            CLASSES, function="nll_loss", output=replace(CLASSES.output, operation="Softmax", minimum=0.0, maximum=1.0)
        ),
        replace(
            CLASSES,
            function="kl_div",
            output=replace(CLASSES.output, operation="Softmax", maximum=0.4),
            target=replace(CLASSES.target, type="real"),
        ),
        replace(
            BINARY,
            function="binary_cross_entropy",
            output=replace(
                BINARY.output, operation="Softmax", softmax=OutputSoftmax(axis=1, shape=BINARY.output.shape)
            ),
        ),
        replace(
            BINARY,
            function="binary_cross_entropy",
            output=replace(
                BINARY.output, shape=(32,), operation="Softmax", softmax=OutputSoftmax(axis=1, shape=(32, 1))
            ),
            target=replace(BINARY.target, shape=(32,)),
        ),
        replace(BINARY, function="binary_cross_entropy"),
        replace(NUMBERS, output=replace(NUMBERS.output, operation="Relu")),
        replace(NUMBERS, output=replace(NUMBERS.output, operation="Sigmoid")),
        replace(
            NUMBERS,
            output=replace(NUMBERS.output, operation="Tanh"),
            target=replace(NUMBERS.target, mean=150.0, minimum=25.0, maximum=340.0),
        ),
    ],
    ids=lambda call: f"{call.output.operation}-{call.function}",
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
        replace(
            CLASSES,
            function="nll_loss",
            output=replace(CLASSES.output, operation="LogSoftmax", minimum=-9.0, maximum=-1e-6),
        ),
        replace(
            CLASSES, function="nll_loss", output=replace(CLASSES.output, operation="Log", minimum=-9.0, maximum=0.0)
        ),
        replace(
            BINARY,
            function="binary_cross_entropy",
            output=replace(BINARY.output, operation="Sigmoid", minimum=0.0, maximum=1.0),
        ),
        replace(
            NUMBERS,
            output=replace(NUMBERS.output, operation="Sigmoid"),
            target=replace(NUMBERS.target, mean=0.4, variance=0.1, minimum=0.0, maximum=1.0),
        ),
        replace(
            NUMBERS,
            output=replace(NUMBERS.output, operation="Relu"),
            target=replace(NUMBERS.target, mean=4.0, minimum=0.0, maximum=9.0),
        ),
        replace(
            NUMBERS,
            output=replace(NUMBERS.output, operation="Tanh"),
            target=replace(NUMBERS.target, variance=0.2, minimum=-1.0, maximum=1.0),
        ),
        replace(
            NUMBERS,
            output=replace(NUMBERS.output, operation="Softplus"),
            target=replace(NUMBERS.target, mean=5.0, minimum=-0.2),
        ),
        replace(CLASSES, output=replace(CLASSES.output, operation="Mul")),
    ],
    ids=lambda call: f"{call.output.operation}-{call.function}",
)
def test_pairs_that_fit_are_silent(tmp_path: Path, call: Loss) -> None:
    with seen(tmp_path / "a", call) as run:
        assert outcome(OutputActivationWrong(), run) == []


def test_a_log_softmax_twice_changes_nothing(tmp_path: Path) -> None:
    with seen(
        tmp_path / "a",
        replace(
            CLASSES,
            output=replace(
                CLASSES.output, operation="LogSoftmax", softmax=OutputSoftmax(axis=1, shape=CLASSES.output.shape)
            ),
        ),
    ) as run:
        (finding,) = outcome(OutputActivationWrong(), run)
    assert finding.severity == "note"


def test_a_rectifier_with_which_learning_is_good_is_a_note(tmp_path: Path) -> None:
    call = replace(CLASSES, output=replace(CLASSES.output, operation="Relu", minimum=0.0))
    with seen(tmp_path / "a", call, FALLING) as good, seen(tmp_path / "b", call) as poor:
        severities = [outcome(OutputActivationWrong(), run)[0].severity for run in (good, poor)]
    assert severities == ["note", "error"]


def test_a_softmax_twice_is_wrong_however_good_the_curve_looks(tmp_path: Path) -> None:
    with seen(tmp_path / "a", replace(CLASSES, output=replace(CLASSES.output, operation="Softmax")), FALLING) as run:
        first = judge(run).findings[0]
    assert (first.code, first.severity, str(first.where)) == ("M101", "error", "train.py:7")


def test_it_stands_above_what_follows_from_it(tmp_path: Path) -> None:
    call = replace(
        CLASSES,
        output=replace(CLASSES.output, operation="Softmax", shape=(32, 2)),
        classes=replace(CLASSES.classes, number=2, counts=(50, 50)),
    )
    with seen(tmp_path / "a", call, np.full(100, 40.0)) as run:
        first = judge(run).findings[0]
    assert first.code == "M101"
    assert "I101" in {symptom.code for symptom in first.symptoms}

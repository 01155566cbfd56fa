from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import LateLoss, Loss, LossClasses, LossOutput, LossTarget, OutputReach, OutputSoftmax
from unstuck.rules import judge
from unstuck.rules.model.output_activation_wrong import OutputActivationWrong
from unstuck.rules.reach import SIMILARITY
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
RELU, TANH = OutputReach(operation="Relu", lowest=0.0), OutputReach(operation="Tanh", lowest=-1.0, highest=1.0)
SIGMOID = OutputReach(operation="Sigmoid", lowest=0.0, highest=1.0)
SILU, ELU = OutputReach(operation="Silu", lowest=-0.278), OutputReach(operation="Elu", lowest=-1.0)
LEAKY = OutputReach(operation="LeakyRelu", lowest=0.0, slope=0.01)
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
        replace(BINARY, output=replace(BINARY.output, operation="Relu", reach=RELU)),
        replace(CLASSES, function="nll_loss"),
        replace(
            CLASSES,
            function="nll_loss",
            output=replace(CLASSES.output, operation="Log", minimum=-16.1, maximum=0.0, clamped_off=0.4),
        ),
        replace(
            BINARY,
            function="binary_cross_entropy",
            output=replace(BINARY.output, operation="Clamp", minimum=0.0, maximum=1.0, clamped_off=0.2),
        ),
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
        replace(NUMBERS, output=replace(NUMBERS.output, operation="Relu", reach=RELU)),
        replace(NUMBERS, output=replace(NUMBERS.output, operation="Sigmoid", reach=SIGMOID)),
        replace(
            NUMBERS,
            output=replace(NUMBERS.output, operation="Tanh", reach=TANH),
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
            output=replace(NUMBERS.output, operation="Sigmoid", reach=SIGMOID),
            target=replace(NUMBERS.target, mean=0.4, variance=0.1, minimum=0.0, maximum=1.0),
        ),
        replace(
            NUMBERS,
            output=replace(NUMBERS.output, operation="Relu", reach=RELU),
            target=replace(NUMBERS.target, mean=4.0, minimum=0.0, maximum=9.0),
        ),
        replace(
            NUMBERS,
            output=replace(NUMBERS.output, operation="Tanh", reach=TANH),
            target=replace(NUMBERS.target, variance=0.2, minimum=-1.0, maximum=1.0),
        ),
        replace(
            NUMBERS,
            output=replace(NUMBERS.output, reach=replace(RELU, operation="Softplus")),
            target=replace(NUMBERS.target, mean=5.0, minimum=-0.2),
        ),
        replace(CLASSES, output=replace(CLASSES.output, operation="Mul")),
        replace(
            CLASSES,
            function="nll_loss",
            output=replace(CLASSES.output, operation="Log", minimum=-16.1, maximum=0.0, clamped_off=0.0),
        ),
        replace(  # logarithms that are clamped from below
            CLASSES,
            function="nll_loss",
            output=replace(CLASSES.output, operation="Clamp", minimum=-9.0, maximum=0.0, clamped_off=0.9),
        ),
    ],
    ids=lambda call: f"{call.output.operation}-{call.function}",
)
def test_pairs_that_fit_are_silent(tmp_path: Path, call: Loss) -> None:
    with seen(tmp_path / "a", call) as run:
        assert outcome(OutputActivationWrong(), run) == []


def ending(call: Loss, reach: OutputReach, lowest: float | None = None, highest: float | None = None) -> Loss:
    return replace(call, output=replace(call.output, reach=reach, minimum=lowest, maximum=highest))


NOISE = replace(NUMBERS, target=replace(NUMBERS.target, minimum=-3.4, maximum=3.4))
POSITIVE = replace(NUMBERS, target=replace(NUMBERS.target, mean=4.0, minimum=0.2, maximum=9.0))
IMAGES = replace(NUMBERS, target=replace(NUMBERS.target, mean=-0.4, variance=0.6, minimum=-1.0, maximum=1.0))
CLAMPED = OutputReach(operation="Clamp", lowest=-10.0, highest=10.0)


@pytest.mark.parametrize(
    "call",
    [
        ending(NOISE, SILU, -0.278, 3.0),
        ending(NOISE, ELU, -0.99, 3.0),
        ending(NOISE, LEAKY, -0.04, 3.0),
        ending(NOISE, OutputReach(operation="LogSigmoid", highest=0.0), -5.0, -0.1),
        ending(NOISE, OutputReach(operation="Hardtanh", lowest=0.0, highest=6.0), 0.0, 2.0),
        ending(replace(NOISE, function="gaussian_nll_loss"), RELU, 0.0, 2.0),
        ending(BINARY, SILU, -0.278, 3.0),
        ending(BINARY, replace(CLAMPED, lowest=-1.0, highest=1.0), -1.0, 1.0),
        ending(CLASSES, replace(CLAMPED, lowest=-1.0, highest=1.0), -1.0, 1.0),
    ],
    ids=lambda call: f"{call.output.reach.operation}-{call.function}",
)
def test_any_activation_with_a_bound_may_be_wrong(tmp_path: Path, call: Loss) -> None:
    with seen(tmp_path / "a", call) as poor, seen(tmp_path / "b", call, FALLING) as good:
        (finding,) = outcome(OutputActivationWrong(), poor)
        (harmless,) = outcome(OutputActivationWrong(), good)
    assert finding.severity == "error"
    assert (harmless.severity == "note") == ("score" not in harmless.summary or "end at" in harmless.summary)


@pytest.mark.parametrize(
    "call",
    [
        ending(POSITIVE, SILU, -0.278, 9.0),
        ending(POSITIVE, replace(RELU, operation="Softplus"), 0.0, 9.0),
        ending(IMAGES, TANH, -1.0, 1.0),
        ending(NOISE, replace(TANH, lowest=-3.0, highest=3.0), -3.0, 3.0),
        ending(NOISE, SILU, -2.0, 3.0),
        ending(NOISE, LEAKY, -1.9, 3.0),
        ending(CLASSES, SILU, -0.278, 9.0),
        ending(CLASSES, CLAMPED, -10.0, 9.0),
        ending(BINARY, CLAMPED, -10.0, 9.0),
        ending(BINARY, LEAKY, -0.1, 9.0),
        NOISE,
    ],
    ids=lambda call: f"{call.output.reach}-{call.function}",
)
def test_an_activation_that_can_give_the_targets_is_silent(tmp_path: Path, call: Loss) -> None:
    with seen(tmp_path / "a", call) as run:
        assert outcome(OutputActivationWrong(), run) == []


def test_a_classifier_needs_more_room_for_more_classes(tmp_path: Path) -> None:
    """Scores that differ by r make at most e^r / (e^r + C - 1): for 95% of 10 classes 5.1 is needed, of 100 7.5."""
    few = ending(CLASSES, OutputReach(operation="Hardtanh", lowest=0.0, highest=6.0), 0.0, 6.0)
    many = replace(few, classes=LossClasses(number=100))
    with seen(tmp_path / "a", few) as ten, seen(tmp_path / "b", many) as hundred:
        assert outcome(OutputActivationWrong(), ten) == []
        assert len(outcome(OutputActivationWrong(), hundred)) == 1


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
    call = replace(CLASSES, output=replace(CLASSES.output, operation="Relu", reach=RELU, minimum=0.0))
    with seen(tmp_path / "a", call, FALLING) as good, seen(tmp_path / "b", call) as poor:
        severities = [outcome(OutputActivationWrong(), run)[0].severity for run in (good, poor)]
    assert severities == ["note", "error"]


@pytest.mark.parametrize(("late", "severity"), [(0.85, "note"), (1.2, "warning")])
def test_scores_of_a_tanh_that_say_all_they_can_are_a_note(tmp_path: Path, late: float, severity: str) -> None:
    """Scores within one of zero leave log(1 + 9 / e^2) = 0.80 of ten classes, with every prediction right."""
    call = replace(ending(CLASSES, TANH, -1.0, 1.0), late=LateLoss(value=late, error=0.01, samples=20.0))
    with seen(tmp_path, call, np.geomspace(2.3, late, 100)) as run:
        assert [finding.severity for finding in outcome(OutputActivationWrong(), run)] == [severity]


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


def test_targets_of_a_similarity_are_to_be_scaled(tmp_path: Path) -> None:
    cosine = OutputReach(operation=SIMILARITY, lowest=-1.0, highest=1.0)
    scores = replace(NUMBERS, target=replace(NUMBERS.target, mean=2.5, variance=2.9, minimum=0.0, maximum=5.0))
    (finding,) = outcome(OutputActivationWrong(), seen(tmp_path, ending(scores, cosine, -0.4, 0.9)))
    assert finding.cause == "labels-out-of-range"
    assert "divide them by 5" in finding.advice

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import End, Loss, LossClasses, LossOutput, LossTarget
from unstuck.rules.data.labels_out_of_range import LabelsOutOfRange
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, call: Loss, *facts: Any) -> Run:
    return record(folder, series={signals.LOSS: [0.7] * 30}, facts=[call, *facts])


def binary(low: float, high: float, *, distinct: int = 2) -> Loss:
    mean = 0.5 * (low + high)
    return Loss(
        function="binary_cross_entropy_with_logits",
        output=LossOutput(shape=(32, 1)),
        target=LossTarget(
            shape=(32, 1), type="real", minimum=low, maximum=high, mean=mean, variance=0.25, distinct=distinct
        ),
        file="train.py",
        line=3,
    )


def classes(low: float, high: float, outputs: int = 10) -> Loss:
    return Loss(
        function="cross_entropy",
        output=LossOutput(shape=(32, outputs)),
        target=LossTarget(shape=(32,), type="class", minimum=low, maximum=high),
        classes=LossClasses(number=outputs),
        file="train.py",
        line=3,
    )


CRASH = End(reason="crashed", steps=0, message="IndexError: Target 10 is out of bounds.")


class TestContract(RuleContract):
    rule = LabelsOutOfRange()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", binary(-1.0, 1.0))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", binary(0.0, 1.0))


@pytest.mark.parametrize(
    ("low", "high", "advice"),
    [(-1.0, 1.0, "map -1 to 0"), (0.0, 255.0, "divide them by 255"), (0.0, 100.0, "divide them by 100")],
)
def test_probabilities_out_of_range_name_the_repair(tmp_path: Path, low: float, high: float, advice: str) -> None:
    (finding,) = outcome(LabelsOutOfRange(), run_of(tmp_path, binary(low, high)))
    assert (finding.cause, finding.severity) == ("labels-out-of-range", "error")
    assert advice in finding.advice
    assert (finding.where.file, finding.where.line) == ("train.py", 3)


def test_soft_labels_and_rounding_are_in_range(tmp_path: Path) -> None:
    assert outcome(LabelsOutOfRange(), run_of(tmp_path, binary(-5e-4, 1 + 5e-4, distinct=17))) == []


def test_class_ids_from_one_end_the_script(tmp_path: Path) -> None:
    (finding,) = outcome(LabelsOutOfRange(), run_of(tmp_path, classes(1, 10), CRASH))
    assert finding.advice.startswith("Subtract 1")
    assert "0 to 9" in finding.summary


def test_class_ids_beyond_the_outputs_are_counted(tmp_path: Path) -> None:
    (finding,) = outcome(LabelsOutOfRange(), run_of(tmp_path, classes(0, 12), CRASH))
    assert "13 outputs" in finding.advice


def test_ids_that_are_ignored_on_purpose_end_no_script(tmp_path: Path) -> None:
    assert outcome(LabelsOutOfRange(), run_of(tmp_path, classes(-100, 255))) == []


def test_zeros_teach_a_margin_loss_nothing(tmp_path: Path) -> None:
    call = Loss(
        function="soft_margin_loss",
        output=LossOutput(shape=(32,)),
        target=LossTarget(shape=(32,), type="real", minimum=0.0, maximum=1.0, distinct=2, mean=0.5, variance=0.25),
    )
    (finding,) = outcome(LabelsOutOfRange(), run_of(tmp_path, call))
    assert "2 * y - 1" in finding.advice


def test_without_a_loss_call_it_is_not_evaluated(tmp_path: Path) -> None:
    (answer,) = LabelsOutOfRange().apply(record(tmp_path, series={signals.LOSS: [1.0] * 30}))
    assert isinstance(answer, NotEvaluated)

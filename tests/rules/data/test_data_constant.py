from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Inputs, Loss, LossClasses, LossOutput, LossTarget
from unstuck.rules.data.data_constant import DataConstant
from unstuck.testing.rules import RuleContract, outcome, record

STUCK = (2.3 + 0.02 * np.sin(np.arange(60) * 1.7)).tolist()
LEARNT = np.linspace(2.3, 0.01, 60).tolist()


def call(counts: tuple[int, ...] = (100,) * 10) -> Loss:
    return Loss(
        function="cross_entropy",
        output=LossOutput(shape=(32, 10), operation="Addmm"),
        target=LossTarget(shape=(32,), type="class"),
        classes=LossClasses(number=10, counts=counts),
        file="train.py",
        line=9,
    )


def inputs(*, mean: float = 0.0, deviation: float = 0.0, examples: int = 640, **changed: Any) -> Inputs:
    given: dict[str, Any] = {"minimum": mean - deviation, "maximum": mean + deviation} | changed
    return Inputs(
        shape=(32, 20), kind_of="table", examples=examples, feature_means=(mean,) * 20,
        feature_stds=(deviation,) * 20, **given,
    )  # fmt: skip


def run_of(folder: Path, *facts: Any, losses: list[float] = STUCK, validation: list[float] | None = None) -> Run:
    series = {signals.LOSS: losses, signals.OUTPUT_SPREAD: [0.0] * 20, signals.OUTPUT_STD: [0.3] * 20}
    if validation:
        series[signals.VALIDATION_ACCURACY] = validation
    return record(folder, series=series, facts=facts)


class TestContract(RuleContract):
    rule = DataConstant()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", inputs(), call())

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", inputs(deviation=1.0), call(), losses=LEARNT)


def test_inputs_that_became_zero_are_an_error(tmp_path: Path) -> None:
    (finding,) = outcome(DataConstant(), run_of(tmp_path, inputs(), call()))
    assert (finding.cause, finding.severity, finding.confidence) == ("data-constant", "error", 0.95)
    assert "all 0" in finding.summary


def test_equal_inputs_of_any_size_count_within_rounding(tmp_path: Path) -> None:
    equal = inputs(mean=255.0, deviation=1e-5)
    assert len(outcome(DataConstant(), run_of(tmp_path / "a", equal, call()))) == 1
    assert outcome(DataConstant(), run_of(tmp_path / "b", inputs(mean=255.0, deviation=1.0), call())) == []


def test_inputs_from_which_something_is_learnt_are_left_alone(tmp_path: Path) -> None:
    """An optimisation may start from one fixed input on purpose."""
    assert outcome(DataConstant(), run_of(tmp_path, inputs(), call(), losses=LEARNT)) == []


def test_few_examples_may_be_equal_by_chance(tmp_path: Path) -> None:
    assert outcome(DataConstant(), run_of(tmp_path, inputs(examples=8), call())) == []


def test_targets_of_one_class_are_learnt_at_once_and_fail_on_others(tmp_path: Path) -> None:
    one_class = call((0, 0, 640, *[0] * 7))
    run = run_of(tmp_path / "a", inputs(deviation=1.0), one_class, losses=LEARNT, validation=[0.1, 0.1])
    (finding,) = outcome(DataConstant(), run)
    assert (finding.where.file, finding.where.line) == ("train.py", 9)
    assert "class 2" in finding.summary
    same = run_of(tmp_path / "b", inputs(deviation=1.0), one_class, losses=LEARNT, validation=[1.0, 1.0])
    assert outcome(DataConstant(), same) == []

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Finding, NotEvaluated, Run, signals
from unstuck.record.facts import Association, Loss, LossClasses, LossOutput, LossTarget
from unstuck.rules.data.class_imbalance import ClassImbalance
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(
    folder: Path,
    *,
    counts: tuple[int, ...] = (9500, 500),
    recalls: tuple[float, ...] = (1.0, 0.0),
    seen: float = 40.0,
    shape: tuple[int, ...] = (64,),
    weighted: bool = False,
    explained: float | None = None,
) -> Run:
    shares = np.array(counts) / sum(counts)
    call = Loss(
        function="cross_entropy",
        weighted=weighted,
        output=LossOutput(shape=(shape[0], len(counts), *shape[1:])),
        target=LossTarget(shape=shape, type="class"),
        classes=LossClasses(
            number=len(counts),
            counts=counts,
            recalls=recalls,
            recall_examples=tuple((shares * seen / shares.min()).tolist()),
        ),
        file="train.py",
        line=7,
    )
    pairs = Association(met=500, examples=500, neighbours=9.0, linear=9.0, explained=explained or 0.0)
    return record(folder, series={signals.LOSS: [0.3] * 50}, facts=[call, *([pairs] if explained is not None else [])])


class TestContract(RuleContract):
    rule = ClassImbalance()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", recalls=(0.99, 0.9))


def test_a_class_that_is_never_named_is_an_error_and_one_that_is_missed_often_a_warning(tmp_path: Path) -> None:
    (never,) = outcome(ClassImbalance(), run_of(tmp_path / "a"))
    (often,) = outcome(ClassImbalance(), run_of(tmp_path / "b", recalls=(1.0, 0.3)))
    assert (never.cause, never.severity, often.severity) == ("class-imbalance", "error", "warning")
    assert (never.where.file, never.where.line) == ("train.py", 7)
    assert never.confidence > often.confidence


@pytest.mark.parametrize(
    "changed",
    [
        {"counts": (600, 400)},  # both are common
        {"weighted": True},  # taken care of
        {"recalls": (0.7, 0.0)},  # the common one is not told either: another fault
        {"seen": 2.0},  # too few seen to say
        {"recalls": (1.0, 0.55), "seen": 12.0},  # about half of a dozen: within sampling error of enough
        {"counts": (9500, *[20] * 25), "recalls": (1.0, *[0.0] * 25)},  # a long tail of many classes
        {"shape": (8, 32, 32), "recalls": (1.0, 0.3)},  # edges of objects are missed first
    ],
)
def test_what_is_no_fault_of_imbalance_is_left_alone(tmp_path: Path, changed: dict[str, object]) -> None:
    assert outcome(ClassImbalance(), run_of(tmp_path, **changed)) == []  # pyright: ignore[reportArgumentType]


def test_binary_targets_are_counted_by_their_mean(tmp_path: Path) -> None:
    call = Loss(
        function="binary_cross_entropy_with_logits",
        output=LossOutput(shape=(64, 1)),
        target=LossTarget(shape=(64, 1), type="real", mean=0.04, variance=0.0384),
        classes=LossClasses(recalls=(1.0, 0.0), recall_examples=(960.0, 40.0)),
    )
    (finding,) = outcome(ClassImbalance(), record(tmp_path, series={signals.LOSS: [0.2] * 50}, facts=[call]))
    assert "pos_weight=24" in finding.advice


def test_without_answers_it_is_not_evaluated(tmp_path: Path) -> None:
    call = Loss(function="mse_loss", target=LossTarget(type="real", mean=0.0, variance=1.0))
    (answer,) = ClassImbalance().apply(record(tmp_path, series={signals.LOSS: [1.0] * 50}, facts=[call]))
    assert isinstance(answer, NotEvaluated)


@pytest.mark.parametrize(("total", "fires"), [(0.2, True), (0.9, False)])
def test_losses_that_the_program_weighs_itself_are_its_own_answer(tmp_path: Path, total: float, fires: bool) -> None:
    call = Loss(
        function="binary_cross_entropy_with_logits",
        reduction="none",
        output=LossOutput(shape=(64,)),
        target=LossTarget(shape=(64,), type="real", mean=0.04, variance=0.0384),
        classes=LossClasses(recalls=(1.0, 0.0), recall_examples=(960.0, 40.0)),
    )
    series = {signals.LOSS: [total] * 50, signals.LOSS_CALL: [0.2] * 50}
    rule = ClassImbalance()
    run = record(tmp_path, series=series, facts=[call])
    assert any(isinstance(entry, Finding) for entry in rule.apply(run)) is fires


@pytest.mark.parametrize(
    ("rare", "explained", "severity"), [(800, 0.0, "note"), (800, 0.3, "error"), (200, 0.0, "error")]
)
def test_classes_that_the_inputs_hardly_tell_may_be_named_seldom(
    tmp_path: Path, rare: int, explained: float, severity: str
) -> None:
    run = run_of(tmp_path, counts=(10_000 - rare, rare), recalls=(1.0, 0.02), explained=explained)
    assert [finding.severity for finding in outcome(ClassImbalance(), run)] == [severity]

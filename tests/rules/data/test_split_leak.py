from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import ActorLoss, Bootstrap, Inputs, Loss, LossTarget, Overlap, PolicyTerm
from unstuck.rules.data.split_leak import SplitLeak
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *facts: Any, before: list[float] | None = None, **overlap: Any) -> Run:
    series = {signals.LOSS: [1.0] * 40}
    if before:
        series[signals.BATCH_SEEN_BEFORE] = before
    given: dict[str, Any] = {"evaluated": 400, "seen_in_training": 300, "trained": 1200, "file": "t.py", "line": 8}
    return record(folder, series=series, facts=[Overlap(**(given | overlap)), *facts])


class TestContract(RuleContract):
    rule = SplitLeak()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", seen_in_training=0)


def test_a_validation_set_cut_from_the_training_set_is_an_error_with_its_place(tmp_path: Path) -> None:
    (finding,) = outcome(SplitLeak(), run_of(tmp_path))
    assert (finding.cause, finding.severity, finding.confidence) == ("split-leak", "error", 0.93)
    assert (finding.where.file, finding.where.line) == ("t.py", 8)
    assert "300 of 400" in finding.summary


def test_more_shared_examples_weigh_more(tmp_path: Path) -> None:
    (note,) = outcome(SplitLeak(), run_of(tmp_path, seen_in_training=40))
    assert note.severity == "note"


@pytest.mark.parametrize(
    "changed",
    [
        {"seen_in_training": 9},  # every collection has a few duplicates
        {"seen_in_training": 16},  # 4%: likewise
        {"purpose": "training", "seen_in_training": 400},  # the training set itself, by the user's own words
        {"evaluated": 400, "seen_in_training": 390},  # a part of the training set, and nobody calls it validation
        {"before": [0.0] * 5 + [0.7] * 15},  # likewise: 70% of the training set has been met
        {"evaluated": 100, "seen_in_training": 100, "trained": 100, "purpose": "validation"},  # a toy without a split
        {"before": [0.5, 0.5, 0.5]},  # few distinct values: batches repeat each other from the start
    ],
)
def test_repetition_that_is_no_leak_is_left_alone(tmp_path: Path, changed: dict[str, Any]) -> None:
    assert outcome(SplitLeak(), run_of(tmp_path, **changed)) == []


def test_examples_that_validate_by_name_are_counted_however_much_of_the_training_set_was_met(tmp_path: Path) -> None:
    (finding,) = outcome(SplitLeak(), run_of(tmp_path, before=[0.0] * 5 + [0.7] * 15, purpose="validation"))
    assert finding.severity == "error"


def test_sequences_of_ids_repeat_by_chance(tmp_path: Path) -> None:
    ids = Inputs(shape=(32, 8), kind_of="ids", examples=640, minimum=0.0, maximum=20.0)
    (answer,) = SplitLeak().apply(run_of(tmp_path, ids))
    assert isinstance(answer, NotEvaluated)


def test_states_that_are_valued_to_make_targets_validate_nothing(tmp_path: Path) -> None:
    made = Bootstrap(transitions=640, ended=12, discount=0.98, lowest=0.0, highest=1.0)
    (answer,) = SplitLeak().apply(run_of(tmp_path, made))
    assert isinstance(answer, NotEvaluated)
    assert "targets" in answer.reason


def test_few_distinct_values_repeat_by_chance_however_many_more_validate(tmp_path: Path) -> None:
    bits = Inputs(shape=(64, 11), kind_of="table", examples=2048, minimum=0.0, maximum=1.0, levels=2)
    rows = Inputs(shape=(64, 11), kind_of="table", examples=2048, minimum=-3.0, maximum=3.0, levels=64)
    rare = [0.0, 0.0, 0.02, 0.03, 0.03, 0.05, 0.07]
    assert outcome(SplitLeak(), run_of(tmp_path / "a", bits, before=rare)) == []
    (finding,) = outcome(SplitLeak(), run_of(tmp_path / "b", bits, before=[0.0] * 7))
    assert finding.severity == "error"
    (finding,) = outcome(SplitLeak(), run_of(tmp_path / "c", rows, before=rare))
    assert finding.severity == "error"


@pytest.mark.parametrize(
    ("call", "judged"),
    [
        (Loss(function="cross_entropy", target=LossTarget(shape=(600,))), False),  # half of the rows are indexed
        (Loss(function="cross_entropy", reduction="none", target=LossTarget(shape=(1200,))), False),  # or masked
        (Loss(function="cross_entropy", target=LossTarget(shape=(1200,))), True),
    ],
)
def test_a_mask_behind_the_forward_pass_hides_what_was_trained_on(tmp_path: Path, call: Loss, judged: bool) -> None:
    given = Overlap(evaluated=1200, seen_in_training=300, trained=1200, file="t.py", line=8)
    run = record(tmp_path, series={signals.LOSS: [1.0] * 40, signals.BATCH_SIZE: [1200.0] * 9}, facts=[given, call])
    answer = outcome(SplitLeak(), run)
    assert bool(answer) is judged


@pytest.mark.parametrize(
    "acting",
    [
        ActorLoss(step=3, raised=True),
        PolicyTerm(step=3, raised=True, lowest=-1.0, highest=2.0),
    ],
)
def test_states_in_which_a_policy_acts_validate_nothing(tmp_path: Path, acting: Any) -> None:
    (answer,) = SplitLeak().apply(run_of(tmp_path, acting))
    assert isinstance(answer, NotEvaluated)
    assert "actions" in answer.reason

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Predictions
from unstuck.rules.data.evaluation_renamed import EvaluationRenamed
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual: dict[str, Any] = {"compared": 300, "explained": 1.0, "renamed": 0.76}
    counts: dict[str, Any] = {"step": 50, "examples": 300, "distinct": 300, "trained": 0, "predicted": 300}
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=[Predictions(**{**counts, **usual, **known})])


class TestContract(RuleContract):
    rule = EvaluationRenamed()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", renamed=0.0)


@pytest.mark.parametrize("known", [{"compared": 30}, {"explained": 0.5}, {"renamed": 0.3}])
def test_a_model_that_does_not_know_the_classes_or_mixes_two_is_left_alone(
    tmp_path: Path, known: dict[str, Any]
) -> None:
    assert not outcome(EvaluationRenamed(), run_of(tmp_path, **known))


def test_the_share_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(EvaluationRenamed(), run_of(tmp_path))
    assert finding.cause == "labels-mismatched"
    assert "76%" in finding.summary


@pytest.mark.parametrize(("trained", "fires"), [(0, False), (300, True)])
def test_fresh_examples_that_are_recognised_show_that_others_are_attacked(
    tmp_path: Path, trained: int, *, fires: bool
) -> None:
    counts: dict[str, Any] = {"step": 50, "examples": 300, "distinct": 300, "predicted": 300, "compared": 300}
    clean = Predictions(**counts, trained=trained, explained=0.97, renamed=0.0)
    attacked = Predictions(**counts, trained=0, explained=0.99, renamed=0.99)
    with record(tmp_path, series={signals.LOSS: [0.1] * 50}, facts=[clean, attacked]) as run:
        assert bool(outcome(EvaluationRenamed(), run)) is fires

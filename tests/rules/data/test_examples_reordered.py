from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import ExampleOrder
from unstuck.rules.data import examples_reordered
from unstuck.rules.data.examples_reordered import ExamplesReordered
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, output: int = 9, target: int = 16) -> Run:
    fact = ExampleOrder(step=0, examples=32, output=output, target=target, file="train.py", line=7)
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[fact])


class TestContract(RuleContract):
    rule = ExamplesReordered()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", target=9)


@pytest.mark.parametrize(("seems", "severity"), [("none", "error"), ("partial", "error"), ("unknown", "warning")])
def test_a_training_that_does_not_learn_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seems: str, severity: str
) -> None:
    monkeypatch.setattr(examples_reordered, "outcome_of", lambda run: seems)
    (finding,) = outcome(ExamplesReordered(), run_of(tmp_path))
    assert finding.severity == severity
    assert finding.where.line == 7


def test_targets_made_of_sorted_inputs_can_be_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples_reordered, "outcome_of", lambda run: "good")
    assert not outcome(ExamplesReordered(), run_of(tmp_path))

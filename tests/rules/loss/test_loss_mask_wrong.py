from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import ScoredPositions
from unstuck.rules.loss.loss_mask_wrong import LossMaskWrong
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual: dict[str, Any] = {"targets": 960, "scored": 0.5, "padding": 0.5, "scored_padding": 0.0, "scored_real": 1.0}
    fact = ScoredPositions(**{**usual, "file": "train.py", "line": 7, **known})
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[fact])


class TestContract(RuleContract):
    rule = LossMaskWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", scored=1.0, scored_padding=0.6)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy")


@pytest.mark.parametrize(
    ("known", "words", "severity"),
    [
        ({"scored_padding": 1.0, "scored_real": 0.0}, "inverted", "error"),
        ({"leading": 1.0}, "the answer is not learnt", "error"),
        ({"ignored": 0, "ignored_real": 0.3, "ignored_ids": 12}, "leaves out class 0", "warning"),
        ({"scored_padding": 0.6}, "60% of what the loss scores is padding", "warning"),
        ({"scored_padding": 0.4}, "40% of what the loss scores is padding", "warning"),
    ],
)
def test_each_fault_is_named_with_its_line(tmp_path: Path, known: dict[str, Any], words: str, severity: str) -> None:
    (finding,) = outcome(LossMaskWrong(), run_of(tmp_path, **known))
    assert (finding.cause, finding.severity, finding.where.line) == ("mask-wrong", severity, 7)
    assert words in finding.summary


@pytest.mark.parametrize(
    "known",
    [
        {"scored_padding": 0.2},
        {"leading": 0.5},
        {"trailing": 1.0},
        {"ignored": 0, "ignored_real": 0.01, "ignored_ids": 12},
        {"ignored": 0, "ignored_real": 0.2, "ignored_ids": 2},
    ],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(LossMaskWrong(), run_of(tmp_path, **known))

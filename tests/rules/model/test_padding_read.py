from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import SequenceReach
from unstuck.rules.model.padding_read import PaddingRead
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual: dict[str, Any] = {"step": 0, "length": 32, "padding": 0.6, "on_padding": 0.0, "file": "train.py", "line": 7}
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[SequenceReach(**{**usual, **known})])


class TestContract(RuleContract):
    rule = PaddingRead()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", on_padding=0.99)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy")


@pytest.mark.parametrize(
    ("known", "words", "severity"),
    [
        ({"on_padding": 0.99}, "taken for the last one", "error"),
        ({"on_padding": 0.99, "blank": True}, "taken for the last one", "error"),
        ({"on_padding": 0.8}, "averaged in", "warning"),
    ],
)
def test_a_last_state_and_an_average_are_told_apart(
    tmp_path: Path, known: dict[str, Any], words: str, severity: str
) -> None:
    (finding,) = outcome(PaddingRead(), run_of(tmp_path, **known))
    assert (finding.cause, finding.severity, finding.where.line) == ("mask-wrong", severity, 7)
    assert words in finding.summary


@pytest.mark.parametrize("known", [{"on_padding": 0.8, "blank": True}, {"on_padding": 0.99, "padding": 0.1}])
def test_what_does_little_harm_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(PaddingRead(), run_of(tmp_path, **known))


def test_without_padding_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no padding was recognised"):
        outcome(PaddingRead(), run_of(tmp_path, padding=None, on_padding=None))

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import TargetsAgain
from unstuck.rules.data import targets_change
from unstuck.rules.data.targets_change import TargetsChange
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual: dict[str, Any] = {"again": 400, "same": 0.52, "chance": 0.5, "file": "train.py", "line": 7}
    return record(folder, series={signals.LOSS: [0.69] * 50}, facts=[TargetsAgain(**{**usual, **known})])


class TestContract(RuleContract):
    rule = TargetsChange()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", same=1.0)


@pytest.mark.parametrize(
    ("known", "fires"),
    [
        ({"again": 15}, False),
        ({"same": 0.8}, False),
        ({"chance": 1.0, "same": 1.0}, False),
        ({"again": 41, "same": 0.52}, True),
    ],
)
def test_what_may_be_chance_or_noise_is_left_alone(tmp_path: Path, known: dict[str, Any], *, fires: bool) -> None:
    assert bool(outcome(TargetsChange(), run_of(tmp_path, **known))) is fires


def test_sorting_by_length_is_named_where_it_was_seen(tmp_path: Path) -> None:
    (plain,) = outcome(TargetsChange(), run_of(tmp_path / "plain"))
    (ordered,) = outcome(TargetsChange(), run_of(tmp_path / "ordered", by_length=1.0))
    assert "sorted by length" not in plain.advice
    assert "sorted by length" in ordered.advice
    assert (ordered.cause, ordered.where.line) == ("labels-mismatched", 7)


def test_a_training_that_learns_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets_change, "outcome_of", lambda run: "good")
    assert not outcome(TargetsChange(), run_of(tmp_path))

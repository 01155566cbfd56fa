from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import RoundedInput
from unstuck.rules.numerics import inputs_rounded
from unstuck.rules.numerics.inputs_rounded import InputsRounded
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, left: float = 0.12, end: float = 0.6) -> Run:
    fact = RoundedInput(step=0, left=left, size=294.0, spread=1.8, apart=2.0, type="bfloat16", file="train.py", line=7)
    return record(folder, series={signals.LOSS: end + (2.3 - end) * np.exp(-np.linspace(0, 6, 60))}, facts=[fact])


class TestContract(RuleContract):
    rule = InputsRounded()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", left=0.7)


@pytest.mark.parametrize(
    ("seems", "left", "severity"),
    [
        ("good", 0.12, "warning"),
        ("good", 0.4, None),
        ("partial", 0.4, "error"),
        ("none", 0.12, "error"),
        ("unknown", 0.4, "warning"),
        ("none", 0.6, None),
    ],
)
def test_the_less_is_left_the_surer_it_harms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seems: str, left: float, severity: str | None
) -> None:
    monkeypatch.setattr(inputs_rounded, "outcome_of", lambda run: seems)
    found = outcome(InputsRounded(), run_of(tmp_path, left))
    assert [finding.severity for finding in found] == ([severity] if severity else [])


def test_the_distance_of_numbers_is_given_beside_the_spread(tmp_path: Path) -> None:
    (finding,) = outcome(InputsRounded(), run_of(tmp_path))
    assert finding.cause == "precision-unsuited"
    assert "near 294" in finding.summary
    assert "2 apart" in finding.summary
    assert ".to(torch.bfloat16)" in finding.advice


@pytest.mark.parametrize(("left", "found"), [(0.12, 1), (0.4, 0)])
def test_a_training_that_learns_from_what_is_left_is_told_only_where_little_is(
    tmp_path: Path, left: float, found: int
) -> None:
    assert len(outcome(InputsRounded(), run_of(tmp_path, left, end=0.01))) == found

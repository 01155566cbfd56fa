from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Generated
from unstuck.rules.loss.game_unfair import GameUnfair
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *beyond: float) -> Run:
    seen = [Generated(step=2**k, beyond=share, function="Tanh") for k, share in enumerate(beyond or (0.5, 0.4))]
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=seen)


class TestContract(RuleContract):
    rule = GameUnfair()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", 0.01, 0.02)


def test_the_activation_and_the_share_are_named(tmp_path: Path) -> None:
    (finding,) = outcome(GameUnfair(), run_of(tmp_path))
    assert "40% of the values" in finding.summary
    assert "tanh" in finding.summary


def test_a_batch_of_outliers_is_passed_over(tmp_path: Path) -> None:
    assert not outcome(GameUnfair(), run_of(tmp_path, 0.5, 0.02))


@pytest.mark.parametrize(
    ("size", "unbounded", "cause"),
    [
        (1.9, False, "output-activation-wrong"),
        (2.1, False, "inputs-not-scaled"),
        (2.1, True, "output-activation-wrong"),
        (None, False, "inputs-not-scaled"),
    ],
)
def test_data_that_are_scaled_are_not_at_fault(tmp_path: Path, size: float | None, unbounded: bool, cause: str) -> None:
    seen = [Generated(step=2, beyond=0.4, function="Sigmoid", size=size, unbounded=unbounded)]
    (finding,) = outcome(GameUnfair(), record(tmp_path, series={signals.LOSS: [0.1] * 50}, facts=seen))
    assert finding.cause == cause
    assert ("Leave out the sigmoid" in finding.advice) is (cause == "output-activation-wrong")

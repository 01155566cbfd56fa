from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rules.policy.test_policy_lowered import run_of
from unstuck.record import Run
from unstuck.record.facts import OutputReach
from unstuck.rules.policy.policy_cramped import PolicyCramped
from unstuck.testing.rules import RuleContract, outcome


def scored(folder: Path, operation: str, low: float | None, high: float | None, choices: int = 4, **known: Any) -> Run:
    reach = OutputReach(operation=operation, lowest=low, highest=high)
    return run_of(folder, raised=True, choices=choices, reach=reach, **known)


class TestContract(RuleContract):
    rule = PolicyCramped()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return scored(tmp_path / "sick", "Softmax", 0.0, 1.0)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return scored(tmp_path / "healthy", "Tanh", -10.0, 10.0)


def test_the_highest_probability_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(PolicyCramped(), scored(tmp_path, "Softmax", 0.0, 1.0))
    assert "above 47.5%" in finding.summary
    assert (finding.severity, finding.where.line) == ("error", 7)


def test_a_bound_that_leaves_a_choice_is_a_warning(tmp_path: Path) -> None:
    (finding,) = outcome(PolicyCramped(), scored(tmp_path, "Tanh", -1.0, 1.0, choices=2))
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "known",
    [
        {"operation": "Relu", "low": 0.0, "high": None},
        {"operation": "LogSoftmax", "low": None, "high": 0.0},
        {"operation": "Softmax", "low": 0.0, "high": 1.0, "looks": 1},
        {"operation": "Softmax", "low": 0.0, "high": 1.0, "lowest": 0.0, "names": ("mask",)},
    ],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(PolicyCramped(), scored(tmp_path, **known))

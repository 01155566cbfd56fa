from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import PolicyTerm
from unstuck.rules.policy.policy_lowered import PolicyLowered
from unstuck.rules.shown import shown
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *others: Any, looks: int = 6, **known: Any) -> Run:
    usual: dict[str, Any] = {"raised": False, "lowest": -1.0, "highest": 2.0, "names": ("ratio", "adv"), "line": 7}
    terms = [PolicyTerm(step=2**look, **{**usual, "file": "train.py", **known}) for look in range(looks)]
    return record(folder, series={signals.LOSS: [-0.5, 0.5] * 25}, facts=[*terms, *others])


class TestContract(RuleContract):
    rule = PolicyLowered()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", raised=True)


@pytest.mark.parametrize("name", ["advantages", "G", "discounted_returns", "reward", "td_error"])
def test_what_is_good_is_known_by_its_name(tmp_path: Path, name: str) -> None:
    (finding,) = outcome(PolicyLowered(), run_of(tmp_path, names=("log_prob", name)))
    assert (finding.cause, finding.where.line) == ("gradient-sign-flipped", 7)
    assert name in finding.summary


@pytest.mark.parametrize(
    "known",
    [{"names": ("logp", "excess")}, {"names": ("logp", "adv", "cost")}, {"costs": True}, {"names": ()}, {"looks": 1}],
)
def test_costs_and_what_has_no_name_are_not_judged(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(PolicyLowered(), run_of(tmp_path, **known))


def test_the_loss_of_a_policy_says_nothing(tmp_path: Path) -> None:
    told = shown(run_of(tmp_path, raised=True))
    assert told.kind == "cannot be told"
    assert "the return of episodes would tell" in told.reason

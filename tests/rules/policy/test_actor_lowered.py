from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import ActorLoss
from unstuck.rules.policy.actor_lowered import ActorLowered
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, looks: int = 6, **known: Any) -> Run:
    usual: dict[str, Any] = {"raised": False, "file": "train.py", "line": 9}
    losses = [ActorLoss(step=2**look, **{**usual, **known}) for look in range(looks)]
    return record(folder, series={signals.LOSS: [-0.5, 0.5] * 25}, facts=losses)


class TestContract(RuleContract):
    rule = ActorLowered()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", raised=True)


def test_the_place_is_where_the_critic_is_asked(tmp_path: Path) -> None:
    (finding,) = outcome(ActorLowered(), run_of(tmp_path))
    assert (finding.cause, finding.where.file, finding.where.line) == ("gradient-sign-flipped", "train.py", 9)


def test_a_value_that_does_not_depend_on_the_actor(tmp_path: Path) -> None:
    (finding,) = outcome(ActorLowered(), run_of(tmp_path, raised=True, reached=False))
    assert finding.cause == "graph-detached"


@pytest.mark.parametrize("known", [{"costs": True}, {"looks": 1}])
def test_costs_and_a_single_look_are_not_judged(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(ActorLowered(), run_of(tmp_path, **known))

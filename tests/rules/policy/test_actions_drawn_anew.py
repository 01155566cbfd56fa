from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rules.policy.test_policy_lowered import run_of
from unstuck.record import Run
from unstuck.rules.policy.actions_drawn_anew import ActionsDrawnAnew
from unstuck.testing.rules import RuleContract, outcome

DRAWN: dict[str, Any] = {"raised": True, "unseen": True}


class TestContract(RuleContract):
    rule = ActionsDrawnAnew()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", **DRAWN)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", raised=True, unseen=False)


def test_the_place_is_the_product(tmp_path: Path) -> None:
    (finding,) = outcome(ActionsDrawnAnew(), run_of(tmp_path, **DRAWN))
    assert (finding.cause, finding.where.line) == ("labels-mismatched", 7)


@pytest.mark.parametrize("known", [{"unseen": None}, {"names": ("logp", "alpha")}, {"looks": 1}])
def test_nothing_is_said_where_it_is_not_known(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(ActionsDrawnAnew(), run_of(tmp_path, **{**DRAWN, **known}))

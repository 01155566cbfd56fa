from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rules.policy.test_policy_lowered import run_of
from unstuck.record import Run
from unstuck.rules.policy.returns_reversed import ReturnsReversed
from unstuck.testing.rules import RuleContract, outcome


class TestContract(RuleContract):
    rule = ReturnsReversed()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", raised=True, growth=0.99)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", raised=True, growth=1 / 0.99)


def test_the_factor_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(ReturnsReversed(), run_of(tmp_path, raised=True, growth=0.99))
    assert finding.cause == "labels-mismatched"
    assert "by 0.99" in finding.summary


@pytest.mark.parametrize("known", [{"looks": 2}, {"names": ("logp", "w")}, {"growth": None}])
def test_nothing_is_said_where_it_is_not_known(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(ReturnsReversed(), run_of(tmp_path, **{"raised": True, "growth": 0.99, **known}))

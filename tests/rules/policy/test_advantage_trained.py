from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.policy.test_policy_lowered import run_of
from unstuck.record import Run
from unstuck.rules.policy.advantage_trained import AdvantageTrained
from unstuck.testing.rules import RuleContract, outcome


class TestContract(RuleContract):
    rule = AdvantageTrained()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", raised=True, gradient=True)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", raised=True)


def test_the_line_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(AdvantageTrained(), run_of(tmp_path, raised=True, gradient=True))
    assert (finding.cause, finding.where.line) == ("bootstrap-wrong", 7)


def test_few_looks_say_nothing(tmp_path: Path) -> None:
    assert not outcome(AdvantageTrained(), run_of(tmp_path, raised=True, gradient=True, looks=1))

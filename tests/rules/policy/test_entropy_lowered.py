from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.policy.test_policy_lowered import run_of
from unstuck.record import Run
from unstuck.record.facts import PolicyEntropy
from unstuck.rules.policy.entropy_lowered import EntropyLowered
from unstuck.testing.rules import RuleContract, outcome


def entropies(folder: Path, *, raised: bool, looks: int = 6) -> Run:
    seen = [PolicyEntropy(step=2**k, entropy=1.0 / (k + 1), most=1.1, raised=raised, line=9) for k in range(looks)]
    return run_of(folder, *seen, raised=True)


class TestContract(RuleContract):
    rule = EntropyLowered()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return entropies(tmp_path / "sick", raised=False)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return entropies(tmp_path / "healthy", raised=True)


def test_the_entropy_is_given_at_both_ends(tmp_path: Path) -> None:
    (finding,) = outcome(EntropyLowered(), entropies(tmp_path, raised=False))
    assert "from 1 to 0.2 nats" in finding.summary
    assert finding.where.line == 9


def test_few_looks_say_nothing(tmp_path: Path) -> None:
    assert not outcome(EntropyLowered(), entropies(tmp_path, raised=False, looks=1))

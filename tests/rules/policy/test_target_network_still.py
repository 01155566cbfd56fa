from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import TargetNetwork
from unstuck.rules.policy.target_network_still import TargetNetworkStill
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, moved: bool = False, until: int = 900, equal: bool = True) -> Run:
    fact = TargetNetwork(since=0, until=until, moved=moved, began_equal=equal, file="train.py", line=7)
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[fact])


class TestContract(RuleContract):
    rule = TargetNetworkStill()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", moved=True)


@pytest.mark.parametrize(("equal", "words"), [(True, "exact copy"), (False, "as it was drawn")])
def test_the_line_that_makes_targets_is_named(tmp_path: Path, equal: bool, words: str) -> None:
    (finding,) = outcome(TargetNetworkStill(), run_of(tmp_path, equal=equal))
    assert (finding.cause, finding.where.line) == ("bootstrap-wrong", 7)
    assert words in finding.summary


def test_few_updates_say_nothing(tmp_path: Path) -> None:
    assert not outcome(TargetNetworkStill(), run_of(tmp_path, until=200))

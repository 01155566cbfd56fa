from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import TargetCode
from unstuck.rules.data.targets_renamed import TargetsRenamed
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual: dict[str, Any] = {"targets": 900, "ids": 20, "explained": 0.995, "renamed": 0.9, "by_own": 0.3}
    fact = TargetCode(**{**usual, "file": "train.py", "line": 7, **known})
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[fact])


class TestContract(RuleContract):
    rule = TargetsRenamed()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", renamed=0.0)


@pytest.mark.parametrize("known", [{"explained": 0.9}, {"ids": 3}, {"targets": 90}, {"by_own": 1.0}, {"renamed": 0.4}])
def test_tags_ciphers_and_chance_are_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(TargetsRenamed(), run_of(tmp_path, **known))


def test_the_loss_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(TargetsRenamed(), run_of(tmp_path))
    assert (finding.cause, finding.where.file, finding.where.line) == ("labels-mismatched", "train.py", 7)
    assert "two vocabularies" in finding.summary

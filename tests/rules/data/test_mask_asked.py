from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import TargetCode
from unstuck.rules.data.mask_asked import MaskAsked
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, only: int | None = 12, targets: int = 900) -> Run:
    fact = TargetCode(targets=targets, only=only, file="train.py", line=7)
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=[fact])


class TestContract(RuleContract):
    rule = MaskAsked()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", only=None)


def test_few_targets_may_be_one_id_by_chance(tmp_path: Path) -> None:
    assert not outcome(MaskAsked(), run_of(tmp_path / "few", targets=20))
    (finding,) = outcome(MaskAsked(), run_of(tmp_path / "many"))
    assert "id 12" in finding.summary
    assert (finding.cause, finding.where.line) == ("labels-mismatched", 7)

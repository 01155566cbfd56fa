from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import AttentionCall
from unstuck.rules.model import heads_attended
from unstuck.rules.model.heads_attended import HeadsAttended
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, of_heads: bool) -> Run:
    call = AttentionCall(
        function="scaled_dot_product_attention", queries=4, keys=4, of_heads=of_heads, file="train.py", line=7
    )
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[call])


class TestContract(RuleContract):
    rule = HeadsAttended()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", of_heads=True)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", of_heads=False)


@pytest.mark.parametrize(("seems", "severity"), [("none", "error"), ("unknown", "error"), ("good", "note")])
def test_it_is_a_note_where_learning_goes_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seems: str, severity: str
) -> None:
    monkeypatch.setattr(heads_attended, "outcome_of", lambda run: seems)
    (finding,) = outcome(HeadsAttended(), run_of(tmp_path, of_heads=True))
    assert finding.severity == severity
    assert "4 heads" in finding.summary
    assert finding.where.line == 7

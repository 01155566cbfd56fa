from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Continued, ScoredPositions
from unstuck.rules.loss.end_unscored import EndUnscored
from unstuck.testing.rules import RuleContract, outcome, record


def scored(**known: Any) -> ScoredPositions:
    usual: dict[str, Any] = {"targets": 448, "scored": 0.4, "padding": 0.4, "scored_padding": 0.0, "scored_real": 0.7}
    return ScoredPositions(**{**usual, "behind": 25, "longest": 12, "file": "train.py", "line": 7, **known})


def run_of(folder: Path, *more: ScoredPositions, sequences: dict[int, int] | None = None, **known: Any) -> Run:
    ends = {9: 4, 16: 6} if sequences is None else sequences
    continued = Continued(lengths=tuple(ends), sequences=tuple(ends.values()))
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=[scored(**known), *more, continued])


class TestContract(RuleContract):
    rule = EndUnscored()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", behind=None, longest=0)


@pytest.mark.parametrize(
    ("sequences", "found"),
    [({12: 1}, 1), ({11: 40}, 0), ({8: 9, 16: 1, 17: 2}, 1)],
)
def test_the_model_must_be_asked_for_what_follows_the_end(
    tmp_path: Path, sequences: dict[int, int], found: int
) -> None:
    findings = outcome(EndUnscored(), run_of(tmp_path, sequences=sequences))
    assert len(findings) == found
    assert all((one.cause, one.where.line) == ("mask-wrong", 7) for one in findings)


def test_an_end_that_other_batches_score_is_learnt(tmp_path: Path) -> None:
    assert not outcome(EndUnscored(), run_of(tmp_path, scored(behind=None)))

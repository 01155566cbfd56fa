from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import NotEvaluated, Run
from unstuck.record.facts import ScoredPositions
from unstuck.rules.loss.copies_scored import CopiesScored
from unstuck.testing.rules import RuleContract, outcome, record


def scored(**known: Any) -> ScoredPositions:
    usual: dict[str, Any] = {"targets": 448, "scored": 1.0, "padding": 0.0, "scored_padding": 0.0, "scored_real": 1.0}
    masked: dict[str, Any] = {"copied": 0.85, "hidden_by": 1, "loss_copied": 0.01, "loss_hidden": 2.9}
    return ScoredPositions(**{**usual, **masked, "file": "train.py", "line": 7, **known})


def run_of(folder: Path, *facts: ScoredPositions) -> Run:
    return record(folder, facts=list(facts))


class TestContract(RuleContract):
    rule = CopiesScored()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", scored(), scored(copied=0.84))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", scored(copied=0.4), scored(copied=0.6))


def test_it_is_a_note_with_the_loss_of_both_kinds(tmp_path: Path) -> None:
    (finding,) = outcome(CopiesScored(), run_of(tmp_path, scored()))
    assert (finding.severity, finding.where.line) == ("note", 7)
    assert "2.9" in finding.evidence[0].note


def test_several_masks_are_none(tmp_path: Path) -> None:
    assert not outcome(CopiesScored(), run_of(tmp_path, scored(), scored(hidden_by=2)))


def test_without_a_mask_nothing_is_judged(tmp_path: Path) -> None:
    (left,) = CopiesScored().check(run_of(tmp_path, scored(), scored(hidden_by=None, copied=0.0)))
    assert isinstance(left, NotEvaluated)

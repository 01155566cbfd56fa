from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Fact, PromptEnds, ScoredPositions
from unstuck.rules.loss.answer_cut import AnswerCut
from unstuck.testing.rules import RuleContract, outcome, record


def scored(**known: Any) -> ScoredPositions:
    usual: dict[str, Any] = {"targets": 448, "scored": 0.2, "padding": 0.0, "scored_padding": 0.0, "scored_real": 0.2}
    prompt: dict[str, Any] = {"before": 11, "again": 20, "followed": 1.0, "followers": 9}
    return ScoredPositions(**{**usual, **prompt, "file": "train.py", "line": 7, **known})


def run_of(folder: Path, *more: Fact, **known: Any) -> Run:
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=[scored(**known), *more])


class TestContract(RuleContract):
    rule = AnswerCut()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", before=None)


@pytest.mark.parametrize(
    ("known", "ends", "found"),
    [
        ({}, {}, 1),
        ({"again": 2}, {}, 0),  # too few prompts came twice
        ({"followed": 0.8}, {}, 0),  # what follows is not decided: a key that is drawn
        ({"followers": 1}, {}, 0),  # a template of two tokens
        ({"again": 0}, {11: 40, 3: 2}, 1),
        ({"again": 0}, {11: 2}, 0),
        ({"again": 0}, {3: 40}, 0),
    ],
)
def test_what_follows_must_be_an_answer(
    tmp_path: Path, known: dict[str, Any], ends: dict[int, int], found: int
) -> None:
    prompts = [PromptEnds(ids=tuple(ends), passes=tuple(ends.values()))] if ends else []
    findings = outcome(AnswerCut(), run_of(tmp_path, *prompts, **known))
    assert len(findings) == found
    assert all((one.cause, one.where.line) == ("mask-wrong", 7) for one in findings)


def test_masks_that_differ_from_step_to_step_are_left_alone(tmp_path: Path) -> None:
    assert not outcome(AnswerCut(), run_of(tmp_path, scored(before=None)))

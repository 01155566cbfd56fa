from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import AddedNoise, Condition
from unstuck.rules.data.condition_unrelated import ConditionUnrelated
from unstuck.testing.rules import RuleContract, outcome, record

USUAL: dict[str, Any] = {"examples": 1_000, "kinds": 10, "commonest": 0.12, "related": 0.4}
PLACE: dict[str, Any] = {"file": "train.py", "line": 9}
NOISE: dict[str, Any] = {"examples": 1_000, "values": 64, "in_input": 0.6, "in_target": -0.7, "together": 0.1}


def run_of(folder: Path, *, noise: dict[str, Any] | None = None, **known: Any) -> Run:
    seen = [Condition(**{**USUAL, **known, **PLACE}), AddedNoise(**{**NOISE, **(noise or {}), **PLACE})]
    return record(folder, series={signals.LOSS: [2.0] * 50}, facts=seen)


class TestContract(RuleContract):
    rule = ConditionUnrelated()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", related=40.0)


def test_the_line_of_the_noise_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(ConditionUnrelated(), run_of(tmp_path))
    assert (finding.cause, finding.where.line) == ("labels-mismatched", 9)


DROPPED: dict[str, Any] = {"commonest": 0.9, "related": 3.0, "apart": 0.5, "kinds": 11}


def test_labels_that_are_dropped_too_often(tmp_path: Path) -> None:
    (finding,) = outcome(ConditionUnrelated(), run_of(tmp_path, **DROPPED))
    assert (finding.cause, finding.where.line) == ("mask-wrong", 9)


@pytest.mark.parametrize(
    "known",
    [
        {**DROPPED, "related": 9.0, "apart": 9.0},
        {**DROPPED, "related": 9.0, "commonest": 0.5},
        {**DROPPED, "related": 9.0, "kinds": 2},
        {"examples": 200},
        {"commonest": 0.95},
        {"related": None},
        {"noise": {"in_input": 0.0}},
        {"noise": {"in_target": 0.0, "together": 0.0}},
    ],
    ids=[
        "a class of its own",
        "half of them",
        "a flag",
        "few examples",
        "one kind",
        "not known",
        "no noise in the input",
        "noise that is not asked about",
    ],
)
def test_where_it_is_not_known_nothing_is_said(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(ConditionUnrelated(), run_of(tmp_path, **known))

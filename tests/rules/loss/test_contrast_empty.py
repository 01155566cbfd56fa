from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Contrast
from unstuck.rules.loss.contrast_empty import ContrastEmpty
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, looks: int = 5, **known: Any) -> Run:
    usual: dict[str, Any] = {"candidates": 256, "itself": False, "scale": 10.0, "file": "train.py", "line": 7}
    seen = [Contrast(step=2**look, **{**usual, **known}) for look in range(looks)]
    return record(folder, series={signals.LOSS: [5.0] * 50}, facts=seen)


class TestContract(RuleContract):
    rule = ContrastEmpty()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", itself=True)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy")


@pytest.mark.parametrize(
    ("known", "cause", "words"),
    [
        ({"itself": True, "scale": None}, "answer-visible", "the example itself"),
        ({"among": True}, "mask-wrong", "a candidate for itself"),
        ({"scale": 0.02}, "loss-wrong", "cannot fall"),
        ({"scale": 8000.0}, "loss-wrong", "one candidate"),
    ],
)
def test_each_is_named_by_its_cause(tmp_path: Path, known: dict[str, Any], cause: str, words: str) -> None:
    (finding,) = outcome(ContrastEmpty(), run_of(tmp_path, **known))
    assert (finding.cause, finding.where.line) == (cause, 7)
    assert words in finding.summary


@pytest.mark.parametrize(
    "known",
    [{"scale": 1.0}, {"scale": 100.0}, {"scale": None}, {"scale": 0.02, "looks": 2}, {"itself": True, "looks": 2}],
)
def test_usual_temperatures_are_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(ContrastEmpty(), run_of(tmp_path, **known))

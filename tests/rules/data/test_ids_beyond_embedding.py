from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import End, FailedLookup
from unstuck.rules.data.ids_beyond_embedding import IdsBeyondEmbedding
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual: dict[str, Any] = {"rows": 100, "lowest": 0, "highest": 124, "beyond": 17, "ids": 96, "where": "words"}
    fact = FailedLookup(**{**usual, "file": "train.py", "line": 7, **known})
    return record(folder, series={signals.LOSS: [1.0] * 5}, facts=[fact])


class TestContract(RuleContract):
    rule = IdsBeyondEmbedding()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        end = End(reason="crashed", steps=5, message="IndexError: list index out of range")
        return record(tmp_path / "healthy", series={signals.LOSS: [1.0] * 5}, facts=[end])


@pytest.mark.parametrize(
    ("known", "words", "advice"),
    [
        ({}, "ids run up to 124, but the embedding words has 100 rows", "125 rows or more"),
        ({"counting": True}, "positions up to 124", "cut sequences to 100"),
        ({"lowest": -100, "highest": 50}, "the id -100", "-100 is for labels"),
        ({"where": ""}, "an embedding has 100 rows", "125 rows"),
    ],
)
def test_each_kind_of_id_has_its_remedy(tmp_path: Path, known: dict[str, Any], words: str, advice: str) -> None:
    (finding,) = outcome(IdsBeyondEmbedding(), run_of(tmp_path, **known))
    assert (finding.cause, finding.where.line) == ("does-not-run", 7)
    assert words in finding.summary
    assert advice in finding.advice

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import WindowsShared
from unstuck.rules.data.windows_split import WindowsSplit
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual = {"evaluated": 700, "inside": 650, "trained": 3000, "branching": 0.01, "length": 32, "purpose": "validation"}
    fact = WindowsShared(**{**usual, "file": "train.py", "line": 7, **known})
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=[fact])


class TestContract(RuleContract):
    rule = WindowsSplit()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", inside=40)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({}, 1),
        ({"purpose": "training"}, 0),
        ({"purpose": ""}, 0),
        ({"branching": 0.2}, 0),  # sentences of a small grammar
        ({"inside": 350}, 0),  # crops of the training text and of the validation text, evaluated at one place
        ({"evaluated": 20, "inside": 20}, 0),
    ],
)
def test_what_a_random_split_of_windows_is(tmp_path: Path, known: dict[str, Any], found: int) -> None:
    findings = outcome(WindowsSplit(), run_of(tmp_path, **known))
    assert len(findings) == found
    assert all((one.cause, one.where.line) == ("split-leak", 7) for one in findings)

from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import SummedExamples
from unstuck.rules.loss.examples_summed import ExamplesSummed
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, weight: float = 128.0, looks: int = 4) -> Run:
    seen = [SummedExamples(step=step, examples=128, weight=weight, file="flow.py", line=28) for step in range(looks)]
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=seen)


class TestContract(RuleContract):
    rule = ExamplesSummed()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", weight=1.0)


@pytest.mark.parametrize(("weight", "looks", "found"), [(8.0, 2, True), (7.9, 2, False), (128.0, 1, False)])
def test_it_has_to_be_heavy_more_than_once(tmp_path: Path, weight: float, looks: int, found: bool) -> None:
    assert bool(outcome(ExamplesSummed(), run_of(tmp_path, weight=weight, looks=looks))) is found

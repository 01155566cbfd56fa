from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import AddedTable, AttentionCall, Recurrence
from unstuck.rules.model.positions_by_example import PositionsByExample
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *queries: int) -> Run:
    calls = [AttentionCall(function="multi_head_attention_forward", queries=each, keys=each) for each in queries]
    table = AddedTable(step=0, examples=40, positions=12, where="pe", file="train.py", line=7)
    return record(folder, series={signals.LOSS: [0.69] * 50}, facts=[table, *calls])


class TestContract(RuleContract):
    rule = PositionsByExample()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", 12)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", 40)


@pytest.mark.parametrize("queries", [(), (40,), (12, 40), (7,)])
def test_the_axis_that_attention_looks_along_must_be_the_other_one(tmp_path: Path, queries: tuple[int, ...]) -> None:
    assert not outcome(PositionsByExample(), run_of(tmp_path, *queries))


def test_the_line_of_the_sum_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(PositionsByExample(), run_of(tmp_path, 12))
    assert (finding.cause, finding.where.line) == ("wrong-axis", 7)
    assert "12 positions" in finding.summary


@pytest.mark.parametrize(("type_", "shape", "found"), [
    ("MultiheadAttention", (40, 12, 8), 1), ("MultiheadAttention", (12, 40, 8), 0), ("LSTM", (40, 12, 8), 0),
])  # fmt: skip
def test_a_layer_of_attention_over_sequences_of_numbers_tells_too(
    tmp_path: Path, type_: str, shape: tuple[int, ...], found: int
) -> None:
    table = AddedTable(step=0, examples=40, positions=12, where="pe", file="train.py", line=7)
    layer = Recurrence(where="encoder", type=type_, batch_first=True, shape=shape)
    run = record(tmp_path, series={signals.LOSS: [0.69] * 50}, facts=[table, layer])
    assert len(outcome(PositionsByExample(), run)) == found

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import AttentionCall, EqualPositions, SequenceReach
from unstuck.rules.model import order_not_seen
from unstuck.rules.model.order_not_seen import OrderNotSeen
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, causal: bool = False, **known: Any) -> Run:
    usual: dict[str, Any] = {"step": 0, "length": 32, "alike": True, "each": True, "file": "train.py", "line": 7}
    call = AttentionCall(function="scaled_dot_product_attention", queries=32, keys=32, by_query=causal)
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[SequenceReach(**{**usual, **known}), call])


@pytest.fixture(autouse=True)
def learnt(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    callspec = getattr(request.node, "callspec", None)
    seems = callspec.params.get("seems", "none") if callspec is not None else "none"
    monkeypatch.setattr(order_not_seen, "outcome_of", lambda run: seems)


class TestContract(RuleContract):
    rule = OrderNotSeen()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", alike=False)


@pytest.mark.parametrize(("each", "seems"), [(True, "none"), (True, "partial"), (False, "none")])
def test_a_model_that_does_not_learn_is_told_to_add_positions(tmp_path: Path, each: bool, seems: str) -> None:
    (finding,) = outcome(OrderNotSeen(), run_of(tmp_path, each=each))
    assert "Add positions" in finding.advice
    assert finding.where.line == 7


@pytest.mark.parametrize(
    ("each", "seems", "causal"),
    [(True, "good", False), (True, "unknown", False), (False, "partial", False), (True, "none", True)],
)
def test_others_are_left_alone(tmp_path: Path, each: bool, seems: str, causal: bool) -> None:
    rule, run = OrderNotSeen(), run_of(tmp_path, each=each, causal=causal)
    if causal:
        assert not outcome(rule, run)
        return
    (left,) = rule.check(run)
    assert isinstance(left, NotEvaluated), "no tick is earned where the order is not seen"


def with_table(folder: Path, *, positions: int = 32, rows: int = 64) -> Run:
    reach = SequenceReach(step=0, length=32, each=True)
    table = EqualPositions(step=1, lengths=(8, positions), rows=rows, file="train.py", line=5)
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[reach, table])


@pytest.mark.parametrize(("seems", "severity"), [("none", "warning"), ("partial", "warning"), ("good", "note")])
def test_one_row_for_all_positions_is_said_whatever_else_tells_them_apart(
    tmp_path: Path, seems: str, severity: str
) -> None:
    (finding,) = outcome(OrderNotSeen(), with_table(tmp_path))
    assert (finding.severity, finding.where.line) == (severity, 5)


@pytest.mark.parametrize("known", [{"positions": 16}, {"rows": 31}], ids=["of other lengths", "of fewer rows"])
def test_other_tables_are_none_of_positions(tmp_path: Path, known: dict[str, int]) -> None:
    assert not outcome(OrderNotSeen(), with_table(tmp_path, **known))


@pytest.mark.parametrize("later", [True, False])
def test_what_was_equal_at_first_counts_once_it_has_moved(tmp_path: Path, later: bool) -> None:
    reaches = [
        SequenceReach(step=step, length=32, alike=alike, each=True) for step, alike in ((0, not later), (16, later))
    ]
    call = AttentionCall(function="softmax", queries=32, keys=32)
    found = outcome(OrderNotSeen(), record(tmp_path, series={signals.LOSS: [1.0] * 50}, facts=[*reaches, call]))
    assert bool(found) == later

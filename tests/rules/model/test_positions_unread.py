from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import AttentionCall, Layer, Model, SequenceReach
from unstuck.rules.model import positions_unread
from unstuck.rules.model.positions_unread import PositionsUnread
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, causal: bool = False, layer: str = "Linear", **known: Any) -> Run:
    usual: dict[str, Any] = {"step": 0, "length": 40, "unread": 0.6, "file": "train.py", "line": 7}
    call = AttentionCall(
        function="scaled_dot_product_attention", queries=40, keys=40, before=1.0, behind=0.0 if causal else 1.0
    )
    model = Model(type="Net", layers=(Layer(path="cell", type=layer),))
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[model, SequenceReach(**{**usual, **known}), call])


@pytest.fixture(autouse=True)
def learnt(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    callspec = getattr(request.node, "callspec", None)
    seems = callspec.params.get("seems", "none") if callspec is not None else "none"
    monkeypatch.setattr(positions_unread, "outcome_of", lambda run: seems)


class TestContract(RuleContract):
    rule = PositionsUnread()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", unread=0.1)


@pytest.mark.parametrize(("seems", "severity"), [("none", "warning"), ("partial", "note")])
def test_positions_that_are_cut_are_counted(tmp_path: Path, seems: str, severity: str) -> None:
    (finding,) = outcome(PositionsUnread(), run_of(tmp_path))
    assert finding.severity == severity
    assert "24 of the 40" in finding.summary


@pytest.mark.parametrize("seems", ["good", "unknown"])
def test_a_training_that_may_go_well_is_left_alone(tmp_path: Path, seems: str) -> None:
    assert not outcome(PositionsUnread(), run_of(tmp_path))


def test_the_first_position_behind_a_causal_mask_sees_itself_alone(tmp_path: Path) -> None:
    (finding,) = outcome(PositionsUnread(), run_of(tmp_path, causal=True, unread=39 / 40))
    assert "last real position" in finding.advice


@pytest.mark.parametrize("known", [{"length": 6}, {"unread": None}])
def test_short_sequences_and_outputs_at_each_position_are_not_judged(tmp_path: Path, known: dict[str, Any]) -> None:
    (entry,) = PositionsUnread().check(run_of(tmp_path, **known))
    assert isinstance(entry, NotEvaluated)


def test_positions_that_become_no_vectors_count_too(tmp_path: Path) -> None:
    (finding,) = outcome(PositionsUnread(), run_of(tmp_path, length=24, unread=0.0, cut=16))
    assert "16 of the 40" in finding.summary


@pytest.mark.parametrize(("cut", "severity"), [(0, "note"), (16, "warning")])
def test_a_recurrence_may_have_let_the_gradient_vanish(tmp_path: Path, cut: int, severity: str) -> None:
    (finding,) = outcome(PositionsUnread(), run_of(tmp_path, layer="RNN", cut=cut))
    assert finding.severity == severity

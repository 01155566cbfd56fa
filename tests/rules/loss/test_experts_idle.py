from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import Router
from unstuck.rules.loss import experts_idle
from unstuck.rules.loss.experts_idle import ExpertsIdle
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, loads: tuple[float, ...], *, samples: int = 20) -> Run:
    router = Router(where="moe", experts=len(loads), chosen=1, tokens=64)
    tables = {signals.EXPERT_LOAD: {f"moe#{number}": [load] * samples for number, load in enumerate(loads)}}
    return record(folder, series={signals.LOSS: [1.0] * 50}, tables=tables, facts=[router])


class TestContract(RuleContract):
    rule = ExpertsIdle()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", (0.99, 0.01, 0.0, 0.0))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", (0.4, 0.3, 0.2, 0.1))


@pytest.mark.parametrize(("seems", "severity"), [("partial", "warning"), ("none", "warning"), ("good", "note")])
def test_idle_experts_are_an_alarm_where_they_may_cost_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seems: str, severity: str
) -> None:
    monkeypatch.setattr(experts_idle, "outcome_of", lambda run: seems)
    (finding,) = outcome(ExpertsIdle(), run_of(tmp_path, (0.5, 0.5, 0.0, 0.0)))
    assert finding.severity == severity
    assert "2 of the 4 experts of moe" in finding.summary


def test_a_single_expert_without_a_token_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experts_idle, "outcome_of", lambda run: "none")
    (finding,) = outcome(ExpertsIdle(), run_of(tmp_path, (0.6, 0.2, 0.2, 0.0)))
    assert (finding.severity, finding.confidence) == ("note", 0.4)
    assert "1 of the 4 experts of moe gets no tokens" in finding.summary


@pytest.mark.parametrize("loads", [(0.6, 0.2, 0.19, 0.01), (1.0, 0.0)])
def test_single_experts_and_small_mixtures_are_left_alone(tmp_path: Path, loads: tuple[float, ...]) -> None:
    assert not outcome(ExpertsIdle(), run_of(tmp_path, loads))


def test_short_looks_are_not_judged(tmp_path: Path) -> None:
    (entry,) = ExpertsIdle().check(run_of(tmp_path, (0.99, 0.01, 0.0, 0.0), samples=9))
    assert isinstance(entry, NotEvaluated)

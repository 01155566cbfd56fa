"""Policies whose first updates leave them nothing to try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import PolicyEntropy, PolicyTerm
from unstuck.rules.policy.certain_at_once import CertainAtOnce
from unstuck.testing.rules import RuleContract, outcome, record

SUDDEN = (1.386, 1.2, 0.6, 0.002, 0.0, 0.0)
SLOW = (1.386, 1.3, 1.2, 1.1, 0.9, 0.01)


def run_of(
    folder: Path, *, entropies: tuple[float, ...] = SUDDEN, ratio: float = 0.5, length: int = 1200, **known: Any
) -> Run:
    usual: dict[str, Any] = {"most": 1.386, "raised": True, "file": "ppo.py", "line": 70}
    looks = [PolicyEntropy(step=4**k // 4, entropy=value, **{**usual, **known}) for k, value in enumerate(entropies)]
    term = PolicyTerm(step=0, raised=True, lowest=-1.0, highest=1.0, names=("ratio", "adv"))
    ratios = {signals.UPDATE_RATIO: {"body.weight": [ratio / (1 + k) for k in range(20)]}}
    return record(folder, series={signals.LOSS: [0.5, -0.5] * (length // 2)}, tables=ratios, facts=[*looks, term])


class TestContract(RuleContract):
    rule = CertainAtOnce()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", entropies=SLOW, ratio=0.01)


def test_the_step_and_the_size_of_updates_are_told(tmp_path: Path) -> None:
    (finding,) = outcome(CertainAtOnce(), run_of(tmp_path))
    assert (finding.cause, finding.where.line) == ("lr-too-high", 70)
    assert "after 16 of 1,200 updates" in finding.summary
    assert "50% of their size" in finding.summary


def test_the_first_look_may_come_after_such_an_update(tmp_path: Path) -> None:
    (finding,) = outcome(CertainAtOnce(), run_of(tmp_path, entropies=(0.6, 0.3, 0.2, 0.0, 0.0)))
    assert finding.cause == "lr-too-high"


@pytest.mark.parametrize(
    "known",
    [
        {"entropies": SLOW},  # certain in the end, as it should be
        {"ratio": 0.02},  # small steps: the problem was easy
        {"entropies": (0.3, 0.1, 0.0)},  # it was certain from the start: no matter of steps
        {"entropies": (1.386, 0.01, 0.9, 1.0)},  # it came back
        {"raised": False},  # its loss lowers the entropy: another rule's
        {"most": None},  # without a bound there is no share
        {"length": 100},
    ],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(CertainAtOnce(), run_of(tmp_path, **known))

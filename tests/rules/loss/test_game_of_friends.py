from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Opponent
from unstuck.rules.loss.game_of_friends import GameOfFriends
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(
    folder: Path, *, raised: bool = False, judge: bool = False, data: bool = True, looks: int = 4, other: bool = False
) -> Run:
    seen = [
        Opponent(step=2**k, raised=raised, raised_by_judge=judge, data_raised_by_judge=data, file="gan.py", line=7)
        for k in range(looks)
    ]
    if other:
        seen.append(Opponent(step=99, raised=True, raised_by_judge=False, data_raised_by_judge=True))
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=seen)


class TestContract(RuleContract):
    rule = GameOfFriends()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", raised=True)


def test_the_side_that_goes_the_wrong_way_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(GameOfFriends(), run_of(tmp_path))
    assert "both lower" in finding.summary
    assert (finding.cause, finding.where.line) == ("gradient-sign-flipped", 7)


@pytest.mark.parametrize("known", [{"data": False}, {"looks": 1}, {"other": True}])
def test_where_it_is_not_always_so_nothing_is_said(tmp_path: Path, known: dict[str, bool]) -> None:
    assert not outcome(GameOfFriends(), run_of(tmp_path, **known))

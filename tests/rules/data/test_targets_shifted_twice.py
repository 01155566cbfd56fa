from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Finding, NotEvaluated, Run, signals
from unstuck.record.facts import OFFSETS, TargetOffset
from unstuck.rules.data.targets_shifted_twice import TargetsShiftedTwice
from unstuck.testing.rules import RuleContract, outcome, record


def offset(at: int | None, *, others: float = 0.1, dropped: int = 1, positions: int = 9000) -> TargetOffset:
    shares = tuple(1.0 if one == at else others for one in OFFSETS)
    return TargetOffset(shares=shares, positions=positions, dropped=dropped, file="train.py", line=7)


def run_of(folder: Path, *offsets: TargetOffset) -> Run:
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=list(offsets))


class TestContract(RuleContract):
    rule = TargetsShiftedTwice()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", offset(2))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", offset(1))


@pytest.mark.parametrize(
    ("dropped", "at", "words"),
    [
        (1, 2, "shifted by 1 already, and it shifts them by 1 once more"),
        (0, 2, "shifted by 2 before they come to this line"),
        (1, 3, "shifted by 2 already, and it shifts them by 1 once more"),
    ],
)
def test_the_two_shifts_are_named_with_the_line(tmp_path: Path, dropped: int, at: int, words: str) -> None:
    (finding,) = outcome(TargetsShiftedTwice(), run_of(tmp_path, offset(at, dropped=dropped)))
    assert (finding.cause, finding.where.file, finding.where.line) == ("labels-mismatched", "train.py", 7)
    assert words in finding.advice
    assert f"j + {at}" in finding.summary


@pytest.mark.parametrize(
    "offsets",
    [
        [offset(0)],  # a copy, or masked tokens
        [offset(-1)],  # from right to left
        [offset(1), offset(2), offset(3)],  # several tokens ahead, and the next one
        [offset(2, others=0.95)],  # a text of repetitions
        [offset(None)],  # tags
    ],
    ids=["same", "before", "several", "repetitions", "tags"],
)
def test_what_is_asked_for_on_purpose_is_left_alone(tmp_path: Path, offsets: list[TargetOffset]) -> None:
    assert outcome(TargetsShiftedTwice(), run_of(tmp_path, *offsets)) == []


@pytest.mark.parametrize(("share", "fires"), [(0.985, True), (0.97, False)])
def test_some_targets_may_be_noise(tmp_path: Path, share: float, fires: bool) -> None:
    shares = tuple(share if at == 2 else 0.1 for at in OFFSETS)
    with run_of(tmp_path, TargetOffset(shares=shares, positions=900)) as run:
        assert isinstance(next(iter(TargetsShiftedTwice().check(run)), None), Finding) is fires


def test_of_a_handful_of_positions_nothing_is_said(tmp_path: Path) -> None:
    with run_of(tmp_path, offset(2, positions=150)) as run:
        (answer,) = TargetsShiftedTwice().apply(run)
    assert isinstance(answer, NotEvaluated)

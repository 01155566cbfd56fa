from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Bootstrap
from unstuck.rules.policy.bootstrap_wrong import BootstrapWrong
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual: dict[str, Any] = {"transitions": 2000, "ended": 40, "discount": 0.9, "lowest": -0.1, "highest": 1.0}
    fact = Bootstrap(**{**usual, "late": 2.0, "file": "train.py", "line": 7, **known})
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[fact])


class TestContract(RuleContract):
    rule = BootstrapWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", ended=0, flagged=30, apart=9.0)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy")


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"gradient": True}, "carry a gradient"),
        ({"ended": 0, "flagged": 30, "apart": 9.0}, "30 are marked"),
        ({"ended": 0, "lowest": 1.0, "highest": 1.0}, "every reward is 1"),
        ({"late": 16.0}, "feed on themselves"),
        ({"ended": 1900, "masked": True}, "95% of the targets"),
    ],
    ids=["gradient", "marked", "same", "beyond", "inverted"],
)
def test_each_fault_is_named_with_its_line(tmp_path: Path, known: dict[str, Any], words: str) -> None:
    (finding,) = outcome(BootstrapWrong(), run_of(tmp_path, **known))
    assert (finding.cause, finding.where.file, finding.where.line) == ("bootstrap-wrong", "train.py", 7)
    assert words in finding.summary


@pytest.mark.parametrize(
    "known",
    [
        {"ended": 0},  # a task that never ends
        {"ended": 1900},  # the network gives zeros
        {"ended": 2000, "masked": True},  # nothing is bootstrapped
        {"greedy": 1990},  # some actions were tried for the sake of trying
        {"ended": 0, "flagged": 30, "apart": 1.0},  # cut off by a limit of time
        {"ended": 0, "lowest": 1.0, "highest": 1.0, "transitions": 100},  # too few to say
        {"ended": 0, "lowest": 1.0, "highest": 1.0, "plain": False},  # with a bonus
        {"late": 14.0},
        {"late": 50.0, "discount": 1.0},
    ],
    ids=["continuing", "zeros", "none", "tried", "cut off", "few", "bonus", "large", "undiscounted"],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(BootstrapWrong(), run_of(tmp_path, **known))


def test_targets_that_began_too_large_and_come_down_do_not_feed_on_themselves(tmp_path: Path) -> None:
    usual: dict[str, Any] = {"ended": 40, "discount": 0.9, "lowest": -0.1, "highest": 1.0, "line": 7}

    def run_of_sizes(folder: str, *sizes: float) -> Run:
        seen = [Bootstrap(transitions=1000 * (k + 1), late=size, **usual) for k, size in enumerate(sizes)]
        return record(tmp_path / folder, series={signals.LOSS: [1.0] * 50}, facts=seen)

    assert not outcome(BootstrapWrong(), run_of_sizes("wears off", 900.0, 80.0))
    assert outcome(BootstrapWrong(), run_of_sizes("grows", 80.0, 900.0))


def test_a_value_that_is_always_the_greatest_is_not_that_of_the_action(tmp_path: Path) -> None:
    (finding,) = outcome(BootstrapWrong(), run_of(tmp_path, greedy=2000))
    assert finding.cause == "labels-mismatched"
    assert "that was taken" in finding.summary

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Shift
from unstuck.rules.numerics.inputs_cut import InputsCut
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual: dict[str, Any] = {"trained": 2000, "evaluated": 3000, "distance": 2.0, "spread": 0.1, "whole": 1.0}
    shift = Shift(**{**usual, "whole_evaluated": 0.02, "cut": 0.05, **known})
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[shift])


class TestContract(RuleContract):
    rule = InputsCut()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", whole=0.02, cut=0.9)


def test_the_share_of_fractions_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(InputsCut(), run_of(tmp_path))
    assert finding.cause == "precision-unsuited"
    assert "98%" in finding.summary


@pytest.mark.parametrize(
    "known",
    [{"whole": 0.9}, {"whole_evaluated": 0.9}, {"cut": 0.4}, {"trained": 100}, {"evaluated": 100}],
    ids=["some fractions", "whole as well", "binary", "few", "few asked about"],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(InputsCut(), run_of(tmp_path, **known))

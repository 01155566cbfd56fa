from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Adapter, Loss, LossClasses, LossTarget
from unstuck.rules.initialisation.adapters_drawn import AdaptersDrawn
from unstuck.testing.rules import RuleContract, outcome, record

TEN = Loss(function="cross_entropy", target=LossTarget(type="class"), classes=LossClasses(number=10, counts=(60,) * 10))


def run_of(folder: Path, *, begins: float = 30.0, first: float = 500.0, end: float = 40.0) -> Run:
    adapters = [Adapter(zero=f"{n}.b", other=f"{n}.a", frozen=f"{n}.weight", begins=begins) for n in range(3)]
    losses = end + (first - end) * np.exp(-np.linspace(0, 40, 60))
    return record(folder, series={signals.LOSS: list(losses)}, facts=[TEN, *adapters])


class TestContract(RuleContract):
    rule = AdaptersDrawn()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", begins=0.0, first=2.5, end=0.2)


@pytest.mark.parametrize(
    ("settings", "found"),
    [({}, 1), ({"begins": 4.0}, 0), ({"begins": 0.0}, 0), ({"first": 4.0, "end": 2.3}, 0), ({"end": 0.05}, 0)],
    ids=["drowned", "small", "zero", "as it was loaded", "learnt"],
)
def test_what_was_learnt_before_is_drowned(tmp_path: Path, settings: dict[str, float], found: int) -> None:
    assert len(outcome(AdaptersDrawn(), run_of(tmp_path, **settings))) == found


def test_the_size_is_said(tmp_path: Path) -> None:
    (finding,) = outcome(AdaptersDrawn(), run_of(tmp_path))
    assert "30 times as large" in finding.summary
    assert finding.severity == "error"

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Shift
from unstuck.rules import judge
from unstuck.rules.data.scales_differ import ScalesDiffer
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, spread: float = 1.0, distance: float = 0.1, validation: float = 40.0) -> Run:
    return record(
        folder,
        series={
            signals.LOSS: np.geomspace(0.7, 0.05, 200),
            signals.VALIDATION_LOSS: np.linspace(0.9 * validation, validation, 20),
        },
        facts=[Shift(trained=300, evaluated=100, distance=distance, spread=spread)],
        steps={signals.VALIDATION_LOSS: range(10, 210, 10)},
    )


class TestContract(RuleContract):
    rule = ScalesDiffer()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", spread=1 / 255)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", spread=1.1, validation=0.08)


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        ({"spread": 1 / 255}, "255 times wider"),
        ({"spread": 12.0}, "12 times narrower"),
        ({"distance": 6.0}, "6 standard deviations away"),
    ],
)
def test_it_says_how_the_scales_differ(tmp_path: Path, shift: dict[str, float], words: str) -> None:
    with run_of(tmp_path, **shift) as run:
        (found,) = outcome(ScalesDiffer(), run)
        assert words in found.summary
        assert found.severity == "error"
        assert judge(run).findings[0].code == "D104"


def test_other_data_that_are_told_as_well_are_silent(tmp_path: Path) -> None:
    assert not outcome(ScalesDiffer(), run_of(tmp_path, spread=1 / 20, validation=0.06))


def test_a_gap_between_data_of_one_scale_is_no_matter_of_scale(tmp_path: Path) -> None:
    assert not outcome(ScalesDiffer(), run_of(tmp_path, spread=0.5, distance=1.0))

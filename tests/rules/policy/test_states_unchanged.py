from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Bootstrap
from unstuck.rules.policy.states_unchanged import StatesUnchanged
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *, compared: int = 400, unchanged: int = 400) -> Run:
    seen = Bootstrap(
        transitions=800, ended=20, discount=0.9, lowest=0.0, highest=1.0, compared=compared, unchanged=unchanged
    )
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=[seen])


class TestContract(RuleContract):
    rule = StatesUnchanged()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", unchanged=20)


@pytest.mark.parametrize(
    ("compared", "unchanged", "found"), [(400, 380, True), (400, 379, False), (200, 200, True), (199, 199, False)]
)
def test_nearly_all_of_many_transitions_have_to_be_so(
    tmp_path: Path, compared: int, unchanged: int, found: bool
) -> None:
    assert bool(outcome(StatesUnchanged(), run_of(tmp_path, compared=compared, unchanged=unchanged))) is found

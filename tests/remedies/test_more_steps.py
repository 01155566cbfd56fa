from __future__ import annotations

from pathlib import Path

from unstuck.record import signals
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.more_steps import MoreSteps
from unstuck.testing.rules import record

TWICE = Change(remedy="more-steps", settings={"factor": 2.0})


def test_the_factor_is_for_whoever_runs_the_trial(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOSS: [2.0, 1.0]}) as run:
        assert list(MoreSteps().candidates(run, None)) == [TWICE]
        assert MoreSteps().words(TWICE, run) == "with 2 times the steps"
        assert MoreSteps().obstacle(run) is None
    with applied(TWICE):
        assert changed()

"""Returns that are summed up past the ends of episodes are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Fact, IgnoredEnds
from unstuck.rules.policy.ends_ignored import EndsIgnored
from unstuck.testing.rules import RuleContract, outcome, record

SEEN = IgnoredEnds(transitions=500, ends=7, name="returns", file="train.py", line=30)


def run_with(folder: Path, *facts: Fact) -> Run:
    return record(folder, series={signals.LOSS: np.linspace(2.0, 1.0, 40)}, facts=facts)


class TestEndsIgnored(RuleContract):
    rule = EndsIgnored()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", SEEN)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy")


def test_it_says_which_sums_and_how_many_ends(tmp_path: Path) -> None:
    (finding,) = outcome(EndsIgnored(), run_with(tmp_path, SEEN))
    assert "returns" in finding.summary
    assert "7 of them" in finding.summary

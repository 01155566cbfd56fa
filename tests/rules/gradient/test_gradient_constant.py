"""A penalty on a gradient that was taken without a graph is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import ConstantGradient, Fact
from unstuck.rules.gradient.gradient_constant import GradientConstant
from unstuck.testing.rules import RuleContract, outcome, record


def run_with(folder: Path, *facts: Fact) -> Run:
    return record(folder, series={signals.LOSS: np.linspace(2.0, 1.0, 40)}, facts=facts)


class TestGradientConstant(RuleContract):
    rule = GradientConstant()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", ConstantGradient(step=2, file="train.py", line=9))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy")


def test_several_of_them_are_said_once(tmp_path: Path) -> None:
    run = run_with(tmp_path, *(ConstantGradient(step=2, file="train.py", line=line) for line in (9, 12)))
    (finding,) = outcome(GradientConstant(), run)
    assert (finding.severity, finding.where.line) == ("error", 9)

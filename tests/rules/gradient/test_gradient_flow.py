from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Connection, Model, Parameter, Wiring
from unstuck.rules.gradient.gradient_flow import GradientFlow
from unstuck.testing.rules import RuleContract, outcome, record

FLAT, LEARNT = np.full(50, 2.3), np.geomspace(2.3, 0.02, 50)


def flowing(folder: Path, gradients: Sequence[float], *, loss: np.ndarray = FLAT) -> Run:
    names = [f"net.{i}.weight" for i in range(len(gradients))]
    model = Model(type="Net", parameters=tuple(Parameter(name=n, shape=(30, 30), role="weight") for n in names))
    wires = tuple(Connection(parameter=name, operations=("Relu",)) for name in reversed(names))
    tables = {
        signals.GRADIENT_NORM: {name: [g] * 20 for name, g in zip(names, gradients, strict=True)},
        signals.WEIGHT_NORM: {name: [5.0] * 20 for name in names},
    }
    return record(folder, series={signals.LOSS: loss}, tables=tables, facts=(model, Wiring(connections=wires)))


class TestContract(RuleContract):
    rule = GradientFlow()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return flowing(tmp_path / "sick", [1e-9, 1e-7, 1e-5, 1e-3, 0.1])

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return flowing(tmp_path / "healthy", [0.05, 0.06, 0.07, 0.08, 0.1])


def test_both_directions_are_told(tmp_path: Path) -> None:
    with flowing(tmp_path / "a", [1e-9, 1e-7, 1e-5, 0.1]) as down, flowing(tmp_path / "b", [1e6, 1e4, 10.0, 0.1]) as up:
        words = [outcome(GradientFlow(), run)[0].summary for run in (down, up)]
    assert "vanishes" in words[0]
    assert "explodes" in words[1]


@pytest.mark.parametrize("gradients", [[0.001, 0.1], [1e-5, 0.1, 1e-6, 0.1, 1e-3], [0.0, 0.0, 0.0]])
def test_no_trend_with_depth_is_silent(tmp_path: Path, gradients: list[float]) -> None:
    with flowing(tmp_path / "a", gradients) as run:
        assert [entry for entry in GradientFlow().apply(run) if hasattr(entry, "severity")] == []


def test_what_learns_well_is_silent(tmp_path: Path) -> None:
    with flowing(tmp_path / "a", [1e-9, 1e-7, 1e-5, 1e-3, 0.1], loss=LEARNT) as run:
        assert outcome(GradientFlow(), run) == []

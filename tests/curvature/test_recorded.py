from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.curvature import recorded
from unstuck.record import facts, signals
from unstuck.testing.rules import record

NOISE = np.random.default_rng(0).normal(0.0, 0.1, 40)


@pytest.mark.parametrize(
    ("mean", "conclusion"),
    [
        (0.3, "No critical point: successive gradients agree"),
        (-0.3, "No critical point at rest: successive gradients point against each other"),
        (0.0, "What is left of the gradient is noise"),
    ],
)
def test_successive_gradients_say_whether_there_is_a_slope(tmp_path: Path, mean: float, conclusion: str) -> None:
    series = {signals.LOSS: [1.0] * 40, signals.GRADIENT_COSINE: (mean + NOISE - NOISE[20:].mean()).tolist()}
    with record(tmp_path / "run", series=series) as run:
        found = recorded(run)
    assert found.conclusion.startswith(conclusion)
    assert any(line.startswith("cosine of successive gradients") for line in found.known)
    assert "module:function" in found.unknown[0]


def test_too_little_is_said_to_be_that(tmp_path: Path) -> None:
    with record(tmp_path / "run", series={signals.LOSS: [1.0, 0.9]}) as run:
        found = recorded(run)
    assert found.conclusion.startswith("Too little was recorded")
    assert found.rate is None
    assert found.to_dict()["conclusion"] == found.conclusion


@pytest.mark.parametrize(
    ("least", "greatest", "kind"), [(-2.0, 2.0, "a saddle"), (0.0, 0.0, "a plateau"), (-2.0, -1.0, "a maximum")]
)
def test_zero_gradients_with_measured_curvature(tmp_path: Path, least: float, greatest: float, kind: str) -> None:
    point = facts.CriticalPoint(step=0, loss=1.0, gradient=0.0, least=least, greatest=greatest, dimensions=2)
    with record(
        tmp_path / "run",
        series={signals.LOSS: [1.0] * 20},
        tables={signals.GRADIENT_NORM: {"w": [0.0] * 20}},
        facts=[point],
    ) as run:
        found = recorded(run)
    assert found.conclusion.startswith("A critical point")
    assert kind in found.conclusion

"""What updates take off the weights, beside what the gradient asks for and what the optimizer states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Optimizer, ParameterGroup
from unstuck.rules.shrinking import Shrinking
from unstuck.testing.rules import record

SAMPLES = 20


def run_of(
    folder: Path,
    *,
    share: float = 0.02,
    beside: float = 0.5,
    cosine: float = -0.1,
    decay: float = 0.0,
    rate: float = 1e-3,
    samples: int = SAMPLES,
) -> Run:
    """Weights that shrink by a share in each step, by updates of which this is one leg and ``beside`` the other."""
    weights = 10.0 * (1.0 - share) ** np.arange(samples)
    tables = {
        signals.WEIGHT_NORM: {"a": list(0.6 * weights), "b": list(0.8 * weights)},
        signals.UPDATE_NORM: {"a": list(np.hypot(share, beside * share) * weights), "b": [0.0] * samples},
        signals.UPDATE_GRADIENT_COSINE: {"a": [cosine] * samples, "b": [float("nan")] * samples},
    }
    group = ParameterGroup(parameters=2, learning_rate=rate, weight_decay=decay)
    return record(folder, tables=tables, facts=[Optimizer(type="Own", groups=(group,))])


def test_the_share_is_measured(tmp_path: Path) -> None:
    shrinking = Shrinking.of(run_of(tmp_path, beside=0.5))
    assert shrinking is not None
    assert shrinking.share == pytest.approx(0.02, rel=0.02)
    assert shrinking.part == pytest.approx(1 / np.hypot(1.0, 0.5), rel=0.02)
    assert shrinking.kept == pytest.approx(0.98 ** (SAMPLES - 1))
    assert shrinking.stated is None


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"decay": 0.02}, True),
        ({"decay": 0.02, "beside": 2.0}, True),
        ({"decay": 0.02, "beside": 2.0, "cosine": -0.6}, True),
        ({"decay": 0.02, "beside": 5.0}, False),
        ({"beside": 3.0}, False),
        ({"cosine": -0.6}, False),
        ({"decay": 0.2, "rate": 0.1}, False),
        ({"share": 0.005}, False),
        ({"share": 5e-4, "samples": 90}, False),
        ({"samples": 4}, False),
    ],
    ids=[
        "stated",
        "stated, less than the gradient moves",
        "stated, and the gradient moves too",
        "next to nothing of the update",
        "less than the gradient moves",
        "the gradient asks for it",
        "rate times decay",
        "most is kept",
        "slow",
        "few samples",
    ],
)
def test_it_is_found_where_nothing_else_can_be_the_reason(
    tmp_path: Path, settings: dict[str, float], found: bool
) -> None:
    assert (Shrinking.of(run_of(tmp_path, **settings)) is not None) is found


def test_a_stated_decay_that_acts_as_it_is(tmp_path: Path) -> None:
    shrinking = Shrinking.of(run_of(tmp_path, decay=0.02))
    assert shrinking is not None
    assert shrinking.stated == 0.02


def test_without_samples_nothing_is_made_up(tmp_path: Path) -> None:
    assert Shrinking.of(record(tmp_path)) is None

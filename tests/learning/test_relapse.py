"""What was learnt and lost, from both sides of each bound."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unstuck.learning.curve import Curve
from unstuck.learning.relapse import lost_numbers, relapse
from unstuck.record import Series


def curve(end: float, *, best: float = 0.5, noise: float = 0.02, length: int = 300) -> Curve:
    generator = np.random.default_rng(0)
    values = np.concatenate([np.geomspace(2.3, best, length // 2), np.full(length // 4, best)])
    values = np.concatenate([values, np.full(length - len(values), end)])
    return Curve(np.arange(length), values * (1 + noise * generator.normal(size=length)))


@pytest.mark.parametrize(("end", "lost"), [(0.5, False), (1.3, False), (1.5, True), (2.3, True)])
def test_half_of_what_was_learnt_must_be_lost(end: float, lost: bool) -> None:
    found = relapse(curve(end), reference=2.3)
    assert (found is not None) == lost
    if found is not None:
        assert found.best == pytest.approx(0.5, rel=0.05)
        assert found.step == pytest.approx(225, abs=1)
        assert found.end == pytest.approx(end, rel=0.05)
        assert 150 <= found.best_step < 225


@pytest.mark.parametrize(("noise", "lost"), [(0.05, True), (0.5, True), (6.0, False)])
def test_noise_is_no_relapse(noise: float, lost: bool) -> None:
    generator = np.random.default_rng(1)
    values = np.abs(curve(1.6, noise=0.0).values + noise * generator.normal(size=300))
    found = relapse(Curve(np.arange(300), values), reference=2.3)
    assert (found is not None) == lost
    assert found is None or found.step == pytest.approx(225, abs=8)


def test_of_noise_alone_hardly_any_relapses() -> None:
    generator = np.random.default_rng(2)
    flat = [Curve(np.arange(200), 2.3 + 0.3 * generator.normal(size=200)) for _ in range(200)]
    assert sum(relapse(one, reference=2.3) is not None for one in flat) == 0


def test_what_never_fell_below_the_reference_has_lost_nothing() -> None:
    assert relapse(curve(2.3, best=2.25), reference=2.3) is None
    assert relapse(Curve(np.arange(4), np.array([2.0, 0.1, 0.1, 2.0])), reference=2.0) is None


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([1.0] * 90 + [math.nan] * 10, 90),
        ([1.0] * 95 + [math.inf] * 5, None),  # half of the last tenth
        ([1.0] * 94 + [math.inf] * 6, 94),
        ([math.nan] * 99 + [1.0], None),
        ([math.nan] * 100, 0),
        ([1.0, math.inf] * 20 + [1.0] * 40 + [math.nan] * 20, 80),
        ([], None),
    ],
)
def test_where_numbers_end(values: list[float], step: int | None) -> None:
    assert lost_numbers(Series(np.arange(len(values)), np.array(values))) == step

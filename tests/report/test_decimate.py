from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unstuck.report.decimate import decimate, moving_mean

SHAPES = st.tuples(st.integers(1, 400), st.integers(1, 4))
VALUES = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([np.nan, np.inf, -np.inf]))


@given(arrays(np.float64, SHAPES, elements=VALUES), st.integers(8, 100))
def test_extremes_and_ends_survive_within_the_budget(values: np.ndarray, rows: int) -> None:
    kept = decimate(values, rows)
    assert len(kept) <= max(rows, 2 * values.shape[1]) + 2
    assert (np.diff(kept) > 0).all()
    assert {0, len(values) - 1} <= set(kept.tolist())
    for column in range(values.shape[1]):
        whole, part = values[:, column], values[kept, column]
        if np.isfinite(whole).any():
            assert part[np.isfinite(part)].max() == whole[np.isfinite(whole)].max()
            assert part[np.isfinite(part)].min() == whole[np.isfinite(whole)].min()


def test_short_series_are_left_alone() -> None:
    assert decimate(np.zeros((50, 2)), 50).tolist() == list(range(50))


@given(arrays(np.float64, st.integers(1, 60), elements=VALUES), st.integers(0, 10))
def test_moving_mean_is_the_mean_of_the_finite_values_in_its_window(values: np.ndarray, half: int) -> None:
    for position, mean in enumerate(moving_mean(values, 2 * half + 1)):
        near = values[max(0, position - half) : position + half + 1]
        near = near[np.isfinite(near)]
        assert (
            mean == pytest.approx(near.mean(), rel=1e-9, abs=1e-9) if np.isfinite(values[position]) else np.isnan(mean)
        )


def test_a_spike_leaves_no_trace_in_later_means() -> None:
    values = np.ones(100)
    values[10] = 1e20
    assert (moving_mean(values, 5)[20:] == 1.0).all()

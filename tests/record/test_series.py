"""Rows become numbers over the steps, or are refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from unstuck.record import Series, series, signals
from unstuck.record.series import series_of, table_of


def row(position: int, step: int, *values: float, kind: type = np.float32) -> tuple[int, int, bytes]:
    return position, step, np.array(values, kind).tobytes()


def numbers(*positions: int) -> list[tuple[int, int, bytes]]:
    return [row(position, position, 1.0, kind=np.float64) for position in positions]


def test_a_series_is_cut_by_steps_and_finiteness():
    whole = Series(np.array([0, 5, 9]), np.array([1.0, np.nan, 3.0]))
    assert whole.between(5, 9).steps.tolist() == [5, 9]
    assert whole.finite().values.tolist() == [1.0, 3.0]


def test_no_samples_make_an_empty_series():
    assert len(series_of([])) == 0
    assert table_of([], signals.GRADIENT_NORM, ("a",)).values.shape == (0, 1)


@pytest.mark.parametrize(
    "positions", [range(5), [0, 1, 2, 3, 4, 8, 16, 24], [0, 1, 2, 4, 6], [0, 4, 8, 12], [0, 1, 64]]
)
def test_thinned_samples_are_whole(positions):
    assert series_of(numbers(*positions)).steps.tolist() == list(positions)


@pytest.mark.parametrize("positions", [[1, 2, 3], [0, 1, 3, 4], [0, 4, 8, 16, 20], [0, 1, 2, 5, 6]])
def test_samples_that_are_missing_are_noticed(positions):
    with pytest.raises(ValueError, match="samples are missing"):
        series_of(numbers(*positions))


@pytest.mark.parametrize("steps", [[3, 2], [-1, 2], [0, series.MOST_STEPS]])
def test_steps_ascend(steps):
    with pytest.raises(ValueError, match="steps do not ascend"):
        series_of([row(i, step, 1.0, kind=np.float64) for i, step in enumerate(steps)])


def test_samples_of_growing_length_are_padded():
    table = table_of([row(0, 0, 1.0), row(1, 1, 2.0, 3.0), row(2, 2, 4.0)], signals.GRADIENT_NORM, ("a", "b"))
    np.testing.assert_array_equal(table.values, [[1.0, np.nan], [2.0, 3.0], [4.0, np.nan]])
    assert table.column("b").values[1] == 3.0


def test_more_values_than_names_are_refused():
    with pytest.raises(ValueError, match="2 values, and 1 names of a parameter"):
        table_of([row(0, 0, 1.0, 2.0)], signals.GRADIENT_NORM, ("a",))


def test_a_table_that_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr(series, "MOST_VALUES", 10)
    with pytest.raises(ValueError, match="20 names of a parameter are too many"):
        table_of([row(0, 0, 1.0)], signals.GRADIENT_NORM, tuple(map(str, range(20))))


def test_half_a_histogram_is_refused():
    with pytest.raises(ValueError, match="no whole number of values"):
        table_of([row(0, 0, 1.0)], signals.ACTIVATION_HISTOGRAM, ("a",))

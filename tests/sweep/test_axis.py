from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.sweep.axis import Axis, Range


def test_orders_of_magnitude_are_decades_and_hold_both_ends():
    assert Range(low=1e-4, high=1.0, log=True).coarse() == (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    assert Range(low=3e-4, high=0.3, log=True).coarse() == (3e-4, 3e-3, 3e-2, 0.3)


def test_a_linear_range_has_five_points_and_whole_numbers_stay_whole():
    assert Range(low=0.0, high=0.4, log=False).coarse() == (0.0, 0.1, 0.2, 0.3, 0.4)
    sizes = Range(low=8, high=512, log=True, whole=True).coarse()
    assert sizes == (8, 32, 128, 512)
    assert all(isinstance(size, int) for size in sizes)


@given(st.floats(1e-6, 1.0), st.floats(10, 1e4), st.booleans())
def test_fine_values_lie_around_the_best_and_not_beyond_an_end(low, ratio, log):
    numbers = Range(low=low, high=low * ratio, log=log)
    for centre in numbers.coarse():
        fine = numbers.fine(centre)
        assert centre not in fine
        assert all(numbers.low <= value <= numbers.high for value in fine)


def test_fine_values_of_a_decade():
    assert Range(low=0.01, high=1.0, log=True).fine(0.1) == (0.022, 0.046, 0.22, 0.46)
    assert Range(low=0.01, high=1.0, log=True).fine(1.0) == (0.22, 0.46)
    assert Range(low=0.01, high=1.0, log=True, open=True).fine(1.0) == (0.22, 0.46, 2.2, 4.6)


def test_only_an_open_range_goes_on_and_only_beyond_its_best_end():
    numbers = Range(low=0.1, high=10.0, log=True, open=True)
    assert numbers.beyond([0.1, 1.0, 10.0], 10.0) == 100.0
    assert numbers.beyond([0.1, 1.0, 10.0], 1.0) is None
    assert Range(low=0.1, high=10.0, log=True).beyond([0.1, 1.0, 10.0], 10.0) is None


def test_single_values_come_first_and_have_nothing_around_them():
    axis = Axis(key="optimizer.weight_decay", values=(0.0,), range=Range(low=1e-3, high=0.1, log=True))
    assert axis.coarse == (0.0, 1e-3, 1e-2, 1e-1)
    assert axis.fine(0.0) == ()
    assert axis.fine(1e-2)


@pytest.mark.parametrize(
    "axis", [Axis(key="a", values=([64], [1, 2])), Axis(key="b", range=Range(low=1, high=2, log=False))]
)
def test_an_axis_is_plain_data_and_back(axis):
    assert Axis.of(axis.to_dict()) == axis

from __future__ import annotations

import pytest

from unstuck.sweep.axis import Axis
from unstuck.sweep.scale import GAP, Scale

AXIS = Axis(key="a")


def test_numbers_over_decades_are_logarithmic_with_zero_below():
    scale = Scale.over(AXIS, [0.0, 1e-4, 1e-2])
    assert [scale.at(value) for value in (0.0, 1e-4, 1e-3, 1e-2)] == pytest.approx([0, GAP, GAP + (1 - GAP) / 2, 1])
    assert scale.ticks()[0] == (0.0, "0")
    assert [text for _, text in scale.ticks()] == ["0", "0.0001", "0.001", "0.01"]


def test_other_numbers_are_linear():
    scale = Scale.over(AXIS, [0.0, 0.1, 0.5])
    assert [scale.at(value) for value in (0.0, 0.25, 0.5)] == pytest.approx([0, 0.5, 1])
    assert all(0 <= share <= 1 for share, _ in scale.ticks())


def test_names_and_lists_stand_at_equal_distances():
    scale = Scale.over(Axis(key="a", values=([64], [64, 64])), [[64, 64], [64], [8]])
    assert [scale.at(value) for value in ([64], [64, 64], [8])] == [0.0, 0.5, 1.0]
    assert scale.ticks()[1] == (0.5, "[64, 64]")
    assert Scale.over(AXIS, [True]).at(True) == 0.0


def test_one_number_stands_in_the_middle():
    assert Scale.over(AXIS, [3.0]).at(3.0) == 0.5


def test_many_names_are_not_all_written():
    assert len(Scale.over(AXIS, [f"name {k}" for k in range(30)]).ticks()) <= 9

from __future__ import annotations

import re

import pytest

from unstuck.surfaces import SURFACES
from unstuck.surfaces.contours import relief
from unstuck.surfaces.drawing import HEIGHT, WIDTH, draw, marks


def test_points_are_where_the_window_says():
    surface = SURFACES["bowl"]
    seen = draw(
        relief(surface, (-4.0, 4.0, -2.0, 2.0)), start=surface.start, axes=surface.axes, minimum=surface.minimum
    )
    assert seen.start == (0.0, pytest.approx(HEIGHT / 8, abs=0.1))
    assert seen.minimum == (WIDTH / 2, HEIGHT / 2)
    assert [mark.text for mark in seen.across] == ["-4", "-2", "0", "2", "4"]
    assert [mark.at for mark in seen.up if mark.text == "0"] == [HEIGHT / 2]
    assert len(seen.lines) == 15
    assert all(re.fullmatch(r"(M[\d. L]+)+", path) for path in seen.lines)


def test_a_minimum_out_of_sight_is_not_drawn():
    surface = SURFACES["bowl"]
    assert (
        draw(relief(surface, (1.0, 2.0, 1.0, 2.0)), start=(0.0, 0.0), axes=("x", "y"), minimum=surface.minimum).minimum
        is None
    )


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-215, -105), (1e-9, 3e-9), (-1e6, 5e6), (0.1, 0.1001)])
def test_marks_are_few_round_numbers_in_order(low, high):
    found = marks(low, high, 100.0)
    assert 2 <= len(found) <= 7
    assert all(-0.1 <= mark.at <= 100.1 for mark in found)
    for mark in found:
        assert float(mark.text) == pytest.approx(low + mark.at / 100 * (high - low), abs=(high - low) / 500)

from __future__ import annotations

import numpy as np
import pytest

from unstuck.errors import ArgumentError
from unstuck.surfaces import SURFACES, define
from unstuck.surfaces.contours import GRID, contour, relief


def test_the_contour_of_a_cone_is_one_closed_circle():
    x = np.linspace(-1, 1, 101)
    (line,) = contour(np.hypot(x[:, None], x), 0.6)
    np.testing.assert_array_equal(line[0], line[-1])
    radii = np.hypot(*(2 * line.T - 1))
    np.testing.assert_allclose(radii, 0.6, atol=1e-3)
    area = 0.5 * abs(np.sum(line[1:, 0] * line[:-1, 1] - line[:-1, 0] * line[1:, 1])) * 4
    assert area == pytest.approx(np.pi * 0.36, rel=1e-3)


def test_every_crossing_of_a_random_grid_is_on_one_line_once():
    values = np.random.default_rng(0).standard_normal((30, 40))
    above = values > 0
    crossings = (above[1:] != above[:-1]).sum() + (above[:, 1:] != above[:, :-1]).sum()
    points = np.concatenate([line[:-1] if (line[0] == line[-1]).all() else line for line in contour(values, 0.0)])
    assert len(points) == crossings == len(np.unique(points, axis=0))


def test_a_saddle_cell_is_joined_as_its_middle_says():
    high, low = (list(contour(np.array([[1.0, 0.0], [0.0, 1.0]]), level)) for level in (0.4, 0.6))
    assert len(high) == len(low) == 2
    corner = [sorted(map(tuple, line.round(3).tolist())) for line in low]
    assert [(0.0, 0.4), (0.4, 0.0)] in corner


def test_cells_without_a_value_have_no_line():
    values = np.array([[0.0, 1.0, np.nan], [0.0, 1.0, 1.0]])
    (line,) = contour(values, 0.5)
    assert line[:, 0].tolist() == [0.25, 0.25]


@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
def test_lines_lie_on_their_level(surface):
    seen = relief(surface)
    left, right, low, high = seen.window
    assert len(seen.levels) == 15
    assert all(seen.lines)
    for level, lines in list(zip(seen.levels, seen.lines, strict=True))[6::4]:
        losses = [surface.loss(left + u * (right - left), low + v * (high - low)) for u, v in lines[0][::5]]
        spread = seen.levels[-1] - seen.levels[0]
        assert np.median(np.abs(np.array(losses) - level)) < 0.02 * spread


def test_colours_follow_the_rank_of_the_loss_and_are_clear_where_there_is_none():
    surface = define("f", lambda x, y: np.log(x) + y, start=(1.0, 0.0), window=(-1.0, 1.0, 0.0, 1.0))
    colours = relief(surface).colours
    assert colours.shape == (GRID, GRID, 4)
    assert colours[0, 0, 3] == 0
    assert colours[-1, GRID // 2 + 1, :3].tolist() == [9, 61, 102]
    assert colours[0, -1, :3].tolist() == [240, 214, 182]


def test_a_flat_surface_has_no_lines():
    assert relief(define("f", lambda x, y: 3.0, start=(0.0, 0.0), window=(-1, 1, -1, 1))).lines == ((),)


def test_a_window_without_a_loss_is_refused():
    surface = define("f", lambda x, y: np.log(x), start=(1.0, 0.0), window=(-2.0, -1.0, 0.0, 1.0))
    with pytest.raises(ArgumentError, match="finite nowhere in the window -2,-1,0,1"):
        relief(surface)

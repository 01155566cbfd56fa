from __future__ import annotations

import json

import numpy as np
import pytest

from unstuck.surfaces import SURFACES, Entry, race
from unstuck.surfaces.panels import frames, panels_of, rounded


@pytest.mark.parametrize("steps", [1, 60, 699, 700, 5_000, 1_000_000])
def test_frames_hold_the_first_steps_and_the_last(steps):
    shown = frames(steps)
    assert shown[0] == 0
    assert shown[-1] == steps
    assert len(shown) <= 700
    assert (np.diff(shown) > 0).all()
    assert (shown[: min(steps, 250)] == np.arange(min(steps, 250))).all()


def panels(*texts, surface="bowl"):
    tracks = race(SURFACES[surface], [Entry.parse(text) for text in texts], steps=20)
    return {panel.title: panel for panel in panels_of(tracks, frames(20))}, tracks


def test_what_is_drawn_of_each_method():
    drawn, tracks = panels("sgd lr=0.01", "momentum lr=0.01", "rmsprop lr=0.01")
    assert list(drawn) == [
        "Loss", "Gradient norm", "Step length", "Effective rate", "Root mean square", "Velocity",
    ]  # fmt: skip
    np.testing.assert_array_equal(drawn["Loss"].curves[1].values, tracks[1].losses)
    assert [(c.method, c.name, c.dashed) for c in drawn["Velocity"].curves] == [(1, "x", False), (1, "y", True)]
    np.testing.assert_allclose(
        drawn["Root mean square"].curves[0].values, np.sqrt(tracks[2].states["square_avg"][:, 0])
    )
    np.testing.assert_allclose(drawn["Effective rate"].curves[0].values[:-1], 0.01)


def test_a_panel_without_curves_is_left_out():
    assert "Velocity" not in panels("sgd lr=0.01")[0]


def test_the_mean_of_adagrad_is_drawn_as_a_mean():
    drawn, tracks = panels("mean-adagrad lr=0.01")
    root = drawn["Root mean square"].curves[1].values
    np.testing.assert_allclose(root[5], np.sqrt(np.mean(tracks[0].gradients[:5, 1] ** 2)))


def test_losses_below_zero_are_drawn_on_a_linear_axis():
    tracks = race(SURFACES["local-minimum"], [Entry.parse("momentum lr=0.02")], steps=300)
    assert not panels_of(tracks, frames(300))[0].log
    assert panels("sgd lr=0.01")[0]["Loss"].log


def test_data_is_json_even_where_a_method_diverges():
    drawn, _ = panels("sgd lr=1", "momentum lr=100")
    json.dumps([panel.data() for panel in drawn.values()], allow_nan=False)
    assert rounded(np.array([1 / 3, np.nan, np.inf])) == [0.333333, None, None]

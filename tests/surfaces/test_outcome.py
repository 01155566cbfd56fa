from __future__ import annotations

import numpy as np
import pytest

from unstuck.surfaces import SURFACES, Entry, define, race
from unstuck.surfaces.outcome import outcomes


@pytest.mark.parametrize(
    ("surface", "text", "steps", "kind"),
    [
        ("valley", "sgd lr=1e-2", 2000, "bounces"),
        ("valley", "sgd lr=1e-7", 2000, "crawls"),
        ("regression", "sgd lr=1e-5", 1000, "diverges"),
        ("bowl", "momentum lr=0.02", 200, "arrives"),
        ("bowl", "sgd lr=0.01", 60, "is on its way"),
        ("local-minimum", "adam lr=0.1", 500, "stands still"),
    ],
)
def test_what_became_of_a_method(surface, text, steps, kind):
    tracks = race(SURFACES[surface], [Entry.parse(text), Entry.parse("momentum lr=0.02")], steps=steps)
    outcome = outcomes(tracks)[0]
    assert outcome.kind == kind
    assert str(outcome).startswith(kind)


def test_arrival_is_the_step_from_which_on_it_stays():
    (track,) = race(SURFACES["bowl"], [Entry.parse("momentum lr=0.02")], steps=300)
    (outcome,) = outcomes([track])
    left, right, low, high = SURFACES["bowl"].window
    way = np.hypot(track.points[:, 0] / (right - left), track.points[:, 1] / (high - low))
    below = way <= 0.01 * way[0]
    assert below[outcome.step :].all()
    assert not below[outcome.step - 1]


def test_a_function_without_a_value_is_no_divergence():
    well = define("f", lambda x, y: x - np.log(x) + y * y, start=(3.0, 1.0), window=(0.1, 4, -2, 2))
    tracks = race(well, [Entry.parse("sgd lr=5"), Entry.parse("sgd lr=0.1")], steps=50)
    left, inside = outcomes(tracks)
    assert str(left) == "meets NaN at step 1"
    assert inside.kind == "arrives"


def test_a_start_at_the_minimum_has_arrived():
    from dataclasses import replace

    (track,) = race(replace(SURFACES["bowl"], start=(0.0, 0.0)), [Entry.parse("sgd lr=0.01")], steps=5)
    assert str(outcomes([track])[0]) == "arrives at step 0"


def test_noise_makes_a_method_wander_further_the_larger_it_is():
    entries = [Entry.parse(f"sgd lr=0.04 noise={noise}") for noise in (16, 4)]
    far, near = outcomes(race(SURFACES["bowl"], entries, steps=400))
    assert far.kind == near.kind == "wanders"
    assert far.left == pytest.approx(4 * near.left, rel=0.3)
    assert str(near).endswith("left on average")
    (crawling,) = outcomes(race(SURFACES["bowl"], [Entry.parse("sgd lr=1e-5 noise=1")], steps=400))
    assert crawling.kind == "crawls"
    (arrived,) = outcomes(race(SURFACES["bowl"], [Entry.parse("sgd lr=0.04 noise=0.01")], steps=400))
    assert arrived.kind == "arrives"


def test_a_start_that_nobody_leaves_is_no_arrival():
    flat = define("flat", lambda x, y: 0 * x + 3.0, start=(1.0, 1.0), window=(0, 2, 0, 2))
    (outcome,) = outcomes(race(flat, [Entry.parse("sgd lr=0.1")], steps=20))
    assert outcome.kind == "stands still"

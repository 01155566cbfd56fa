from __future__ import annotations

import math

from tests.sweep.formula import outcome
from unstuck.sweep.attempt import Try
from unstuck.sweep.chosen import Tried, fastest, first, over_seeds, seconds_to


def tried(accuracy=0.9, loss=0.3, *, seed=0, quick=False, key="a", value=1, **changes):
    return Tried(Try(setting={key: value}, stage="coarse", seed=seed, quick=quick), outcome(accuracy, loss, **changes))


def test_of_equals_the_first_is_chosen_and_none_of_what_was_stopped():
    one, two = tried(value=1), tried(value=2)
    assert first([one, two]) is one
    assert first([tried(reason="pruned")]) is None


def test_the_fastest_comes_first_to_a_good_accuracy_not_to_the_best():
    quick = tried(0.97, value=512, curve=((1.0, 0.5, 1.0), (2.0, 0.965, 0.2), (3.0, 0.97, 0.2)))
    slow = tried(0.974, value=8, curve=((5.0, 0.96, 0.2), (10.0, 0.974, 0.1)))
    never = tried(0.6, value=2, curve=((0.5, 0.6, 0.9),))
    assert fastest([slow, never, quick]) is quick
    assert seconds_to(slow.outcome, slow.outcome) == 10.0
    assert seconds_to(never.outcome, slow.outcome) == math.inf


def test_the_spread_is_the_deviation_between_seeds_of_full_trainings():
    worths = over_seeds(
        [tried(0.9), tried(0.8, seed=1), tried(0.7, seed=2), tried(0.1, quick=True), tried(0.95, value=2)]
    )
    assert [worth.setting for worth in worths] == [{"a": 1}, {"a": 2}]
    assert (round(worths[0].mean, 9), worths[0].seeds) == (0.8, 3)
    assert abs(worths[0].spread - 0.1) < 1e-12
    assert math.isnan(worths[1].spread)


def test_losses_are_ranked_from_the_least():
    worths = over_seeds([tried(None, 0.5, value=1), tried(None, 0.2, value=2)])
    assert [worth.mean for worth in worths] == [0.2, 0.5]
    assert not worths[0].classes

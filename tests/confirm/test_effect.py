from __future__ import annotations

import math

import numpy as np
import pytest

from tests.confirm.conftest import CLASSES, losses
from unstuck.confirm.effect import effect
from unstuck.record import facts, signals
from unstuck.testing.rules import record

STUCK = math.log(10)


@pytest.fixture
def run(tmp_path):
    opened = []

    def made(values, loss=CLASSES, **more):
        series = {signals.LOSS: values, signals.LOSS_CALL: values}
        series |= {signals.BY_KEY[key]: value for key, value in more.items()}
        opened.append(record(tmp_path / f"run{len(opened)}", series=series, facts=[loss]))
        return opened[-1]

    yield made
    for one in opened:
        one.close()


def test_what_did_not_learn_learns(run):
    told = effect([run(losses(STUCK, STUCK))], [run(losses(STUCK, 0.3, seed=1))])
    assert told.says == "restores"
    assert told.before == pytest.approx(STUCK, abs=0.02)
    assert told.after == pytest.approx(0.3, abs=0.02)
    assert told.learnt == pytest.approx(0.87, abs=0.02)


def test_what_learnt_in_part_learns_more(run):
    assert effect([run(losses(STUCK, 1.0))], [run(losses(STUCK, 0.3, seed=1))]).says == "helps"


def test_noise_is_no_effect(run):
    assert effect([run(losses(STUCK, 1.0))], [run(losses(STUCK, 0.99, seed=1))]).says == "nothing"


def test_noise_between_draws_is_held_against_the_difference(run):
    controls = [run(losses(STUCK, end, seed=i)) for i, end in enumerate((1.9, 0.9, 1.5))]
    trials = [run(losses(STUCK, end, seed=i)) for i, end in enumerate((1.0, 1.6, 1.1))]
    told = effect(controls, trials)
    assert told.says == "nothing"
    assert told.seeds == 3
    assert told.agree == 0


def test_the_numbers_are_those_of_the_runs_own_draw(run):
    controls = [run(losses(STUCK, end, seed=i)) for i, end in enumerate((2.0, 1.0))]
    trials = [run(losses(STUCK, end, seed=i)) for i, end in enumerate((0.5, 0.1))]
    told = effect(controls, trials)
    assert (told.before, told.after) == (pytest.approx(2.0, abs=0.05), pytest.approx(0.5, abs=0.05))
    assert told.gain == pytest.approx(1.2 / STUCK, abs=0.02)  # which is that of all


def test_a_change_that_diverges_harms(run):
    broken = np.concatenate([losses(STUCK, 5.0, steps=100), np.full(100, np.nan)])
    assert effect([run(losses(STUCK, 1.0))], [run(broken)]).says == "harms"


def test_what_diverged_and_does_not_any_more_is_restored(run):
    broken = np.concatenate([losses(STUCK, 5.0, steps=100), np.full(100, np.nan)])
    assert effect([run(broken)], [run(losses(STUCK, 0.3))]).says == "restores"


def test_a_loss_that_is_rescaled_has_learnt_nothing_by_it(run):
    summed = facts.Loss(function="cross_entropy", reduction="sum", classes=CLASSES.classes)
    size = {"batch_size": [64.0] * 300}
    told = effect([run(64 * losses(STUCK, STUCK), summed, **size)], [run(losses(STUCK, STUCK), **size)])
    assert told.says == "nothing"


def test_a_smaller_start_is_no_learning(run):
    own = facts.Loss(function="own")
    told = effect([run(losses(900.0, 40.0), own)], [run(losses(50.0, 39.9, seed=1), own)])
    assert told.says == "nothing"


def test_a_loss_that_climbs_through_zero_and_falls_with_the_change(run):
    own = facts.Loss(function="own")
    climbing = run(np.linspace(-1.0, 4.0, 300) + np.random.default_rng(0).normal(0, 0.05, 300), own)
    falling = run(np.linspace(-1.0, -3.0, 300) + np.random.default_rng(1).normal(0, 0.05, 300), own)
    assert effect([climbing], [falling]).says in ("helps", "restores")
    assert effect([falling], [climbing]).says == "harms"


def test_how_far_a_loss_has_exploded_is_no_noise(run):
    own = facts.Loss(function="own")
    exploded = run(np.geomspace(1.0, 1e20, 300), own)
    told = effect([exploded], [run(losses(1.0, 0.1), own)])
    assert told.says == "restores"
    assert told.noise < 0.1


def test_worse_answers_are_no_help_whatever_the_loss_does(run):
    before = run(losses(STUCK, 1.5), accuracy=[0.6] * 300, batch_size=[64.0] * 300)
    after = run(losses(STUCK, 1.0, seed=1), accuracy=[0.2] * 300, batch_size=[64.0] * 300)
    assert effect([before], [after]).says == "harms"


def test_runs_are_compared_at_the_same_step(run):
    long = np.concatenate([np.full(100, STUCK), np.full(200, 0.2)])
    told = effect([run(long)], [run(np.full(100, STUCK))])
    assert told.steps == 100
    assert told.says == "nothing"


def test_nothing_is_told_by_nothing(run):
    assert effect([], [run(losses(STUCK, 0.3))]).says == "unknown"
    assert effect([run([2.3, 2.2])], [run([2.3, 0.1])]).says == "unknown"


def test_what_may_have_helped_promises_and_what_surely_did_or_did_not_does_not(run):
    wild = 0.9 * np.random.default_rng(5).normal(size=300)
    noisy = effect([run(losses(STUCK, 1.6) + wild)], [run(losses(STUCK, 1.35, seed=1) + wild[::-1])])
    assert noisy.says == "nothing"
    assert noisy.promises
    assert not effect([run(losses(STUCK, STUCK))], [run(losses(STUCK, 0.3, seed=1))]).promises
    assert not effect([run(losses(STUCK, STUCK))], [run(losses(STUCK, STUCK, seed=1))]).promises


def test_a_training_that_does_not_explode_any_more_has_not_learnt_by_that(run):
    broken = run(np.geomspace(2.0, 1e12, 300))
    told = effect([broken], [run(losses(STUCK, STUCK))])
    assert told.says == "helps"
    assert not told.decisive
    assert told.advance == pytest.approx(0.0, abs=0.02)


def test_of_two_that_explode_the_lesser_is_better(run):
    told = effect([run(losses(1e9, 1e9))], [run(losses(4 * STUCK, 4 * STUCK, seed=1))])
    assert told.says == "helps"
    assert told.gain == pytest.approx(0.25, abs=0.02)


def test_another_loss_is_told_by_the_share_of_it_that_is_explained(run):
    squares = facts.Loss(
        function="mse_loss", target=facts.LossTarget(shape=(64,), type="real", mean=0.0, variance=50.0)
    )
    told = effect([run(np.zeros(300), facts.Loss(function="cross_entropy"))], [run(losses(50.0, 10.0), squares)])
    assert (told.says, told.rescaled) == ("restores", True)
    assert told.before == 0.0
    assert told.after == pytest.approx(0.8, abs=0.01)
    assert not effect([run(losses(STUCK, STUCK))], [run(losses(STUCK, 0.3, seed=1))]).rescaled


def test_the_numbers_of_another_loss_are_not_compared(run):
    own = facts.Loss(function="own")
    before, after = [run(losses(900.0, 800.0), own)], [run(losses(1.0, 0.1), own)]
    assert effect(before, after).says == "restores"
    assert effect(before, after, yardsticks=("share explained",)).says == "unknown"


def test_what_leaves_little_is_decisive_also_where_much_was_learnt(run):
    assert effect([run(losses(STUCK, 1.0))], [run(losses(STUCK, 0.1, seed=1))]).decisive
    assert not effect([run(losses(STUCK, 1.0))], [run(losses(STUCK, 0.8, seed=1))]).decisive

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.confirm.conftest import CLASSES, losses
from unstuck.confirm.reading import LATE, late_samples, reading
from unstuck.learning import Curve
from unstuck.record import facts, signals
from unstuck.testing.rules import record


def by(readings, yardstick):
    return next(one for one in readings if one.yardstick == yardstick)


def read(tmp_path, values, *, until=None, loss=CLASSES, more=None):
    series = {signals.LOSS: values, signals.LOSS_CALL: values, **(more or {})}
    with record(tmp_path / "run", series=series, facts=[loss]) as run:
        return reading(run, until=until)


def test_a_loss_is_told_as_the_share_of_what_a_guess_leaves(tmp_path):
    told = by(read(tmp_path, losses(2.5, math.log(10) / 4)), "share explained")
    assert told.gain == pytest.approx(0.75, abs=0.01)
    assert told.doubt < 0.01
    assert told.steps == 300


def test_a_sum_is_told_in_its_own_unit(tmp_path):
    summed = 64 * losses(2.5, math.log(10) / 4)
    series = {signals.LOSS: summed, signals.LOSS_CALL: summed / 64, signals.BATCH_SIZE: [64.0] * 300}
    with record(tmp_path / "run", series=series, facts=[CLASSES]) as run:
        assert by(reading(run), "share explained").gain == pytest.approx(0.75, abs=0.01)


def test_answers_are_told_above_the_commonest_class(tmp_path):
    told = by(read(tmp_path, losses(2.3, 0.5), more={signals.ACCURACY: [0.55] * 300}), "training accuracy")
    assert told.gain == pytest.approx(0.5, abs=0.01)


def test_a_loss_is_told_against_its_start(tmp_path):
    read_ = read(tmp_path, losses(2.3, 0.23))
    assert by(read_, "loss").gain == pytest.approx(0.9, abs=0.02)


def test_lost_numbers_have_learnt_less_than_nothing(tmp_path):
    values = np.concatenate([losses(2.3, 1.0, steps=100), np.full(50, np.nan)])
    assert by(read(tmp_path, values), "share explained").gain == -1.0


def test_losses_are_read_up_to_a_step(tmp_path):
    values = np.concatenate([np.full(100, 2.3), np.full(200, 0.1)])
    assert by(read(tmp_path / "a", values, until=100), "loss").value == pytest.approx(2.3)
    assert by(read(tmp_path / "b", values), "loss").value == pytest.approx(0.1)


def test_too_few_losses_tell_nothing(tmp_path):
    assert read(tmp_path, [2.3, 2.2, 2.1]) == ()


def test_a_loss_that_changes_sign_is_told_by_its_scale(tmp_path):
    values = np.linspace(1.0, -5.0, 100)
    with record(tmp_path / "run", series={signals.LOSS: values}, facts=[facts.Loss(function="own")]) as run:
        (told,) = reading(run)
    assert told.yardstick == "loss"
    assert told.gain > 0.5


def test_of_rare_classes_the_mean_recall_is_read(tmp_path):
    classes = facts.LossClasses(number=2, counts=(970, 30), recalls=(0.9, 0.8), recall_examples=(300.0, 30.0))
    loss = facts.Loss(function="cross_entropy", target=facts.LossTarget(shape=(64,)), classes=classes)
    told = read(tmp_path, losses(0.7, 0.2), loss=loss, more={signals.ACCURACY: [0.9] * 300})
    assert by(told, "balanced accuracy").value == pytest.approx(0.85)
    assert by(told, "balanced accuracy").gain == pytest.approx(0.7)
    assert "training accuracy" not in [one.yardstick for one in told]


def test_what_was_seldom_sampled_has_a_level_with_an_error():
    steps = np.array([0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 299])
    sparse = Curve(steps, np.linspace(2.0, 0.5, 14))
    assert math.isinf(sparse.level(LATE, 1.0).error)
    assert sum(late_samples(sparse)) == 5
    assert sum(late_samples(Curve(np.arange(300), np.ones(300)))) == 45


def test_of_losses_far_above_the_guess_the_lower_one_is_better_still(tmp_path):
    guess = math.log(10)
    worse, bad = (by(read(tmp_path / str(at), losses(at * guess, at * guess)), "share explained") for at in (1e9, 4.0))
    assert bad.gain == pytest.approx(-0.75, abs=0.01)
    assert worse.gain == pytest.approx(-1.0, abs=0.01)
    assert worse.doubt < 0.01


def test_a_loss_below_its_floor_has_another_one(tmp_path):
    binary = facts.Loss(
        function="binary_cross_entropy_with_logits",
        target=facts.LossTarget(shape=(64,), type="real", distinct=2, mean=0.4, variance=0.24),
    )
    assert "share explained" in [one.yardstick for one in read(tmp_path / "a", losses(0.7, 0.01), loss=binary)]
    assert read(tmp_path / "b", losses(0.7, -5.0), loss=binary) == ()


def test_a_loss_that_is_always_zero_has_learnt_nothing(tmp_path):
    told = by(read(tmp_path, np.zeros(300), loss=facts.Loss(function="cross_entropy")), "share explained")
    assert (told.gain, told.doubt) == (0.0, 0.0)


def test_a_loss_about_zero_as_that_of_a_policy_tells_nothing(tmp_path):
    drawn = np.random.default_rng(0).normal(0.0, 1.0, 300)
    assert read(tmp_path, drawn, loss=facts.Loss(function="own")) == ()


def test_rare_spikes_are_no_noise_without_an_end(tmp_path):
    values = losses(0.7, 0.69)
    values[-10] = 1e6
    assert by(read(tmp_path, values, loss=facts.Loss(function="own")), "loss").doubt < 1.0

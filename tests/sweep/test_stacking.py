from __future__ import annotations

import numpy as np
import pytest

from unstuck.sweep import read_space
from unstuck.sweep.alone import train_alone
from unstuck.sweep.attempt import Try
from unstuck.sweep.judge import Reason
from unstuck.sweep.stacking import alike, train_stacked

OVER = ["optimizer.lr=1e-6..100", "optimizer.weight_decay=0, 1e-3..10", "model.dropout=0.1, 0.3"]


@pytest.fixture
def space():
    over = ["data.examples=600", "model.hidden=[16]", "optimizer={name='sgd'}", "train.epochs=8"]
    return read_space("mlp", over=OVER, overrides=over)


def test_the_same_comes_of_a_stack_as_of_each_alone(space):
    settings = [
        {"optimizer.lr": 0.1},
        {"optimizer.lr": 0.03, "optimizer.weight_decay": 0.01},
        {"optimizer.lr": 0.1, "model.dropout": 0.3},
        {"optimizer.lr": 1e-6},
    ]
    tries = [Try(setting=setting, stage="coarse", seed=seed) for setting in settings for seed in (0, 3)]
    together = train_stacked(space, tries)
    assert [attempt for attempt, _ in together] == tries
    for attempt, found in together:
        alone = train_alone(space, attempt)
        assert (found.reason, found.epochs, found.accuracy) == (alone.reason, alone.epochs, alone.accuracy)
        assert np.isclose(found.loss, alone.loss, rtol=1e-3, equal_nan=True)
        assert found.test == alone.test
        assert found.stacked == len(tries)
        assert np.allclose(np.array(found.curve)[:, 1:], np.array(alone.curve)[:, 1:], rtol=1e-3, equal_nan=True)


def test_those_that_diverge_or_stand_still_leave_with_the_finding_as_the_reason(space):
    tries = [Try(setting={"optimizer.lr": rate}, stage="coarse") for rate in (1e-6, 0.1, 100.0)]
    low, good, high = (outcome for _, outcome in train_stacked(space, tries))
    assert (low.reason, low.code) == ("pruned", "O202")
    assert (good.reason, good.epochs) == ("completed", 8)
    assert high.reason == "pruned"
    assert high.code in ("N101", "O201")


def test_a_try_can_be_stopped_from_outside(space):
    tries = [Try(setting={"optimizer.lr": rate}, stage="coarse") for rate in (0.1, 0.2)]

    def after_epoch(attempt, epoch):
        return Reason("", "enough") if attempt is tries[0] and epoch.number == 3 else None

    first, second = (outcome for _, outcome in train_stacked(space, tries, after_epoch=after_epoch))
    assert (first.reason, first.said, first.epochs) == ("pruned", "enough", 3)
    assert second.epochs == 8


def test_what_a_recipe_refuses_is_by_itself(space):
    tries = [Try(setting={"optimizer.lr": rate}, stage="coarse") for rate in (0.1, -1.0, 0.2)]
    assert [[attempt.setting["optimizer.lr"] for attempt in group] for group in alike(space, tries)] == [
        [0.1, 0.2],
        [-1.0],
    ]


def test_quick_tries_see_less(space):
    tries = [Try(setting={"optimizer.lr": rate}, stage="coarse", quick=True) for rate in (0.1, 0.2)]
    made = train_stacked(read_space("mlp", over=OVER[:1], overrides=["optimizer={name='sgd'}"], quick=True), tries)
    assert all(outcome.kept for _, outcome in made)

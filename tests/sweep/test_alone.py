from __future__ import annotations

import math
import time

import pytest
import torch
from torch import nn

from tests.sweep.formula import SMALL
from unstuck.errors import MissingPackageError
from unstuck.sweep import alone, read_space
from unstuck.sweep.alone import train_alone
from unstuck.sweep.attempt import Try
from unstuck.sweep.trace import Gauge
from unstuck.train import train


@pytest.fixture
def space():
    return read_space("mlp", over=["optimizer.lr=1e-2..1", "train.batch_size=8, 500"], overrides=SMALL)


def test_the_same_comes_of_it_as_of_unstuck_train(space, tmp_path):
    attempt = Try(setting={"optimizer.lr": 0.3}, stage="coarse", seed=4)
    found = train_alone(space, attempt)
    trained = train(space.recipe(attempt), tmp_path / "run")
    best = trained.epochs[trained.best - 1].validation
    assert (found.accuracy, found.loss) == (best.accuracy, best.loss)
    assert found.test == trained.test.accuracy
    assert found.epochs == len(found.curve) == len(trained.epochs)
    assert [loss for _, _, loss in found.curve] == [epoch.validation.loss for epoch in trained.epochs]


def test_a_value_that_the_recipe_refuses_later_is_an_outcome(space):
    found = train_alone(space, Try(setting={"train.batch_size": 5000}, stage="coarse"))
    assert found.reason == "completed"  # fewer examples than usual make a batch smaller
    found = train_alone(space, Try(setting={"model.name": "lstm"}, stage="coarse"))
    assert found.reason == "refused"
    assert "lstm" in found.said


def test_an_error_in_the_middle_is_an_outcome_and_what_was_made_is_kept(space):
    def fails(attempt, epoch):
        if epoch.number == 2:
            raise RuntimeError("out of memory\nby 3 GiB")

    found = train_alone(space, Try(setting={}, stage="coarse"), after_epoch=fails)
    assert (found.reason, found.said, len(found.curve)) == ("failed", "RuntimeError: out of memory", 2)
    assert math.isnan(found.loss)


def test_a_missing_package_ends_the_sweep(space, monkeypatch):
    def missing(recipe):
        raise MissingPackageError("scikit-learn is needed")

    monkeypatch.setattr("unstuck.sweep.alone.Setup.of", missing)
    with pytest.raises(MissingPackageError):
        train_alone(space, Try(setting={}, stage="coarse"))


def test_what_the_first_step_takes_is_no_time_of_training(space):
    def waits(attempt, epoch):
        return None

    batches = alone._Measured(Gauge(nn.Linear(1, 1), steps_per_epoch=3), [(torch.ones(1), torch.ones(1))] * 3)
    made = batches.began
    for number, _ in enumerate(batches):
        time.sleep(0.05 if number == 0 else 0)
    assert batches.began - made >= 0.05
    assert train_alone(space, Try(setting={}, stage="coarse"), after_epoch=waits).seconds > 0

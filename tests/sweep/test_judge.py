from __future__ import annotations

import pytest

from tests.sweep.formula import SMALL
from unstuck.sweep import read_space
from unstuck.sweep.alone import train_alone
from unstuck.sweep.attempt import Try
from unstuck.sweep.judge import Judge
from unstuck.sweep.trace import Trace
from unstuck.train import Epoch, Means
from unstuck.train.setup import Setup

FULL = ["optimizer={name='sgd'}", "train.epochs=12", "data.examples=400"]


def made(**setting):
    space = read_space("mlp", over=["optimizer.lr=1e-6..100", "optimizer.weight_decay=0, 1e-3..10"], overrides=FULL)
    keys = {"rate": "optimizer.lr", "decay": "optimizer.weight_decay"}
    return train_alone(space, Try(setting={keys[key]: value for key, value in setting.items()}, stage="coarse"))


@pytest.mark.parametrize(
    ("setting", "codes", "epochs"),
    [
        ({"rate": 100.0}, {"N101", "O201"}, 1),
        ({"rate": 1e-6}, {"O202"}, 3),
        ({"rate": 0.1, "decay": 5.0}, {"O201", "R201"}, 3),
    ],
)
def test_what_diverges_or_stands_still_is_stopped_with_the_finding_as_the_reason(setting, codes, epochs):
    found = made(**setting)
    assert found.reason == "pruned"
    assert found.code in codes
    assert found.epochs <= epochs
    assert found.said


@pytest.mark.parametrize("rate", [0.03, 0.3])
def test_what_learns_is_left_alone(rate):
    found = made(rate=rate)
    assert (found.reason, found.epochs, found.code) == ("completed", 12, "")


@pytest.fixture(scope="module")
def setup():
    space = read_space("mlp", over=["optimizer.lr"], overrides=[*SMALL, "train.epochs=40"])
    return Setup.of(space.recipe(Try(setting={}, stage="coarse")))


def epochs(*losses):
    means = (Means(loss=loss, accuracy=0.1, examples=100) for loss in losses)
    return [Epoch(number=place + 1, train=mean, validation=None) for place, mean in enumerate(means)]


def test_one_that_stands_still_is_given_a_quarter_of_its_epochs(setup):
    judge = Judge(setup)
    early = Trace(losses=[2.3] * 40, epochs=epochs(*[2.3] * 8))
    late = Trace(losses=[2.3] * 50, epochs=epochs(*[2.3] * 10))
    assert judge.stops(early) is None
    reason = judge.stops(late)
    assert reason is not None
    assert "nothing is learnt" in reason.said


def test_patience_is_longer_where_the_rate_warms_up():
    over = [*SMALL, "train.epochs=40", "schedule={name='cosine', warmup=10}"]
    space = read_space("mlp", over=["optimizer.lr"], overrides=over)
    judge = Judge(Setup.of(space.recipe(Try(setting={}, stage="coarse"))))
    assert judge.stops(Trace(losses=[2.3] * 50, epochs=epochs(*[2.3] * 10))) is None
    assert judge.stops(Trace(losses=[2.3] * 100, epochs=epochs(*[2.3] * 20))) is not None


def test_the_loss_of_a_regression_has_a_yardstick_too():
    over = ["data.name=auto-mpg", "optimizer={name='sgd'}", "train={batch_size=32, epochs=8}"]
    space = read_space("mlp", over=["optimizer.lr=1e-7..100"], overrides=over)
    assert train_alone(space, Try(setting={"optimizer.lr": 100.0}, stage="coarse")).reason == "pruned"
    assert train_alone(space, Try(setting={"optimizer.lr": 1e-7}, stage="coarse")).reason == "pruned"
    assert train_alone(space, Try(setting={"optimizer.lr": 1e-2}, stage="coarse")).kept

from __future__ import annotations

import numpy as np
import pytest

from unstuck.errors import ArgumentError
from unstuck.surfaces.entry import Entry


@pytest.mark.parametrize(
    "text",
    [
        "sgd lr=0.01",
        "sgd lr=0.01 momentum=0.9 nesterov=true",
        "adam lr=0.1 betas=0.9,0.99 schedule=step step_size=30 gamma=0.5 warmup=10",
        "momentum lr=0.001 momentum-schedule=linear start=0.5 end=0.9 noise=2",
        "mean-adagrad lr=0.1 schedule=inverse-time rate=0.01",
        "rmsprop",
    ],
)
def test_an_entry_is_written_as_it_is_read(text):
    assert Entry.parse(text).text == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "method='' is not known"),
        ("adem lr=1", "did you mean 'adam'"),
        ("newton lr=1", "method='newton' is not known"),
        ("adam lr=fast", "lr='fast' is no number"),
        ("adam lr=nan", "lr='nan' is no number"),
        ("adam lr", "'lr' is no key=value"),
        ("adam momentum=0.9", "momentum='0.9' is not known"),
        ("sgd lr=1 schedule=cosin", "schedule='cosin' is not known; did you mean 'cosine'"),
        ("sgd lr=1 schedule=plateau", "schedule='plateau' is not known"),
        ("sgd lr=1 nesterov=maybe", "true or false"),
        ("sgd lr=1 warmup=1.5", "counts steps"),
        ("sgd lr=1 noise=-1", "neither is negative"),
    ],
)
def test_what_is_not_accepted_is_named(text, message):
    with pytest.raises(ArgumentError, match=message):
        Entry.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sgd lr=-1", "lr: received -1"),
        ("adam lr=1 betas=0.9,2", "betas"),
        ("sgd lr=1 nesterov=true", "[Nn]esterov"),
    ],
)
def test_what_the_method_refuses_is_passed_on(text, message):
    with pytest.raises(ArgumentError, match=message):
        Entry.parse(text).optimizer((0.0, 0.0))


def columns(text, steps):
    entry = Entry.parse(text)
    optimizer = entry.optimizer((1.0, 2.0))
    names = optimizer.rule(optimizer.param_groups[0]).arguments[1:]
    return dict(zip(names, entry.numbers(optimizer, steps).T, strict=True))


def test_schedules_move_the_rate_and_the_momentum():
    moved = columns("adam lr=1 schedule=step step_size=2 gamma=0.5 warmup=2 momentum-schedule=linear total_steps=4", 6)
    np.testing.assert_allclose(moved["lr"], [1 / 3, 2 / 3, 1, 1, 0.5, 0.5])
    np.testing.assert_allclose(moved["beta1"], [0.5, 0.6225, 0.745, 0.8675, 0.99, 0.99])
    np.testing.assert_allclose(moved["beta2"], 0.999)


def test_warmup_must_fit_the_race():
    with pytest.raises(ArgumentError, match="has 5 steps"):
        columns("sgd lr=1 warmup=5", 5)

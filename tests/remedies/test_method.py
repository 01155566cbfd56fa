from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.record import signals
from unstuck.remedies import Change
from unstuck.remedies.method import Method

ADAM = Change(remedy="method", settings={"method": "adam", "rate": 0.01})
SGD = Change(remedy="method", settings={"method": "sgd", "rate": 0.05})


def train(
    method: type[torch.optim.Optimizer], *, steps: int = 15, scheduled: bool = False, **constants: Any
) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = method(model.parameters(), **constants)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5, 0.5) if scheduled else None

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(model(inputs), classes)
        value.backward()
        return value

    for _ in range(steps):
        if method is torch.optim.LBFGS:
            optimizer.step(loss)
        else:
            loss()
            optimizer.step()
        if schedule is not None:
            schedule.step()
    return model


def test_adam_gives_what_a_script_with_adam_gives() -> None:
    expected = weights(train(torch.optim.Adam, lr=0.01))
    assert torch.equal(changed_by(ADAM, lambda: train(torch.optim.SGD, lr=1e-6)), expected)
    assert torch.equal(changed_by(ADAM, lambda: train(torch.optim.Rprop, lr=0.5)), expected)
    assert torch.equal(changed_by(ADAM, lambda: train(torch.optim.LBFGS, lr=0.5)), expected)


def test_weight_decay_and_schedule_of_the_script_stay() -> None:
    expected = weights(train(torch.optim.Adam, lr=0.01, weight_decay=0.1, scheduled=True))
    found = changed_by(ADAM, lambda: train(torch.optim.SGD, lr=1.0, weight_decay=0.1, scheduled=True))
    assert torch.allclose(found, expected, rtol=1e-6)


def test_descent_in_place_of_an_adaptive_method() -> None:
    expected = weights(train(torch.optim.SGD, lr=0.05, momentum=0.9))
    assert torch.equal(changed_by(SGD, lambda: train(torch.optim.Adam, lr=1.0)), expected)


def test_a_group_that_is_added_later_learns_too() -> None:
    first, second = (torch.ones(1, requires_grad=True) for _ in range(2))

    def run() -> nn.Module:
        optimizer = torch.optim.SGD([first], lr=0.1)
        for _ in range(2):
            (first.sum() + second.sum()).backward()
            optimizer.step()
            if len(optimizer.param_groups) == 1:
                optimizer.add_param_group({"params": [second]})
        return nn.Linear(1, 1)

    changed_by(ADAM, run)
    assert first.item() == pytest.approx(0.98, abs=1e-3)
    assert second.item() == pytest.approx(0.99, abs=1e-3)


def test_the_observer_sees_one_training_with_the_updates_that_were_made(tmp_path: Path) -> None:
    with recorded(tmp_path, lambda: train(torch.optim.SGD, lr=1e-9), ADAM) as run:
        assert len(run.streams()) == 1
        assert Learning.of(run).outcome == "good"
        ratios = run.table(signals.UPDATE_RATIO).values
        assert (ratios[:, 0] > 1e-3).all()
        assert run.has(signals.GRADIENT_NORM)


def test_the_rate_fits_the_method(tmp_path: Path) -> None:
    remedy = Method()
    with recorded(tmp_path / "sgd", lambda: train(torch.optim.SGD, lr=1e-6)) as run:
        assert [dict(change.settings) for change in remedy.candidates(run, None)] == [
            {"method": "adam", "rate": 0.01},
            {"method": "adam", "rate": 0.001},
        ]
        assert remedy.words(ADAM, run) == "with Adam at a rate of 0.01"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "adam", lambda: train(torch.optim.Adam, lr=1.0)) as run:
        (change,) = remedy.candidates(run, None)
        assert change.settings["method"] == "sgd"
        assert 0.001 < (change.number("rate") or 0.0) < 0.5
    with recorded(tmp_path / "trial", lambda: train(torch.optim.Adam, lr=1.0, steps=60), change) as run:
        assert Learning.of(run).outcome == "good"

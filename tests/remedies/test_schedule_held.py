from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from tests.remedies.trainings import changed_by, mlp, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.schedule_held import ScheduleHeld

HELD = Change(remedy="schedule-held")


def train(schedule: Callable[[torch.optim.Optimizer], Any] | None = None) -> nn.Module:
    inputs, classes = rings()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    stepped = schedule(optimizer) if schedule else None
    for _ in range(25):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
        if stepped is not None:
            stepped.step()
    return model


@pytest.mark.parametrize(
    "schedule",
    [
        lambda optimizer: lr_scheduler.ExponentialLR(optimizer, 0.01),
        lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda step: 1e-4),
        lambda optimizer: lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=26, cycle_momentum=False),
        lambda optimizer: lr_scheduler.LinearLR(optimizer, start_factor=1e-3, total_iters=10_000),
    ],
)
def test_it_gives_what_the_script_gives_without_a_schedule(schedule: Any) -> None:
    assert torch.equal(changed_by(HELD, lambda: train(schedule)), weights(train()))


def test_a_rate_that_the_script_lowers_by_hand_is_held() -> None:
    weight = torch.ones(1, requires_grad=True)
    with applied(HELD):
        optimizer = torch.optim.SGD([weight], lr=0.25)
        for rate in (0.25, 0.0):
            optimizer.param_groups[0]["lr"] = rate
            weight.grad = torch.ones(1)
            optimizer.step()
    assert weight.item() == 0.5
    assert changed()


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = ScheduleHeld()

    def sick() -> nn.Module:
        return train(lambda optimizer: lr_scheduler.ExponentialLR(optimizer, 0.01))

    with recorded(tmp_path / "sick", sick) as run:
        assert Learning.of(run).remaining > 0.9
        assert list(remedy.candidates(run, None)) == [HELD]
        assert remedy.words(HELD, run) == "with the rate held at 0.5"
    with recorded(tmp_path / "trial", sick, HELD) as run:
        assert Learning.of(run).remaining < 0.7
    with recorded(tmp_path / "plain", train) as run:
        assert remedy.candidates(run, None) == ()
        assert remedy.obstacle(run) is None

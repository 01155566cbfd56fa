from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, mlp, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.record import signals
from unstuck.remedies import Change
from unstuck.remedies.loss_scaled import LossScaled


def train(reduction: str = "mean", *, divided: float = 1.0, examples: int = 256) -> nn.Module:
    inputs, classes = rings(examples)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(40):
        optimizer.zero_grad()
        (F.cross_entropy(model(inputs), classes, reduction=reduction) / divided).backward()
        optimizer.step()
    return model


def test_a_sum_becomes_a_mean(tmp_path: Path) -> None:
    change = Change(remedy="loss-scaled", settings={"factor": 1 / 256})
    assert torch.allclose(changed_by(change, lambda: train("sum")), weights(train()), atol=1e-3)
    remedy = LossScaled()
    mean = Change(remedy="loss-scaled", settings={"factor": 0.005})
    with recorded(tmp_path / "sick", lambda: train("sum", examples=200)) as run:
        sick = Learning.of(run).remaining
        assert list(remedy.candidates(run, None)) == [mean]
        assert remedy.words(change, run) == "with the loss divided by 256, which makes it a mean"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train("sum", examples=200), mean) as run:
        assert Learning.of(run).remaining < 0.9 < sick
        assert run.series(signals.LOSS).values[0] > 100


def test_a_mean_that_is_divided_once_more_is_multiplied(tmp_path: Path) -> None:
    with recorded(tmp_path, lambda: train(divided=100.0)) as run:
        (change,) = LossScaled().candidates(run, None)
        assert change.number("factor") == 100.0
        assert LossScaled().words(change, run) == "with the loss times 100, which makes it a mean"
    assert torch.allclose(changed_by(change, lambda: train(divided=100.0)), weights(train()), atol=1e-3)


def test_a_mean_is_left_alone(tmp_path: Path) -> None:
    with recorded(tmp_path, train) as run:
        assert LossScaled().candidates(run, None) == ()

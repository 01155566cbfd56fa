from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, mlp, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.remedies import Change
from unstuck.remedies.momentum import Momentum


def to(value: float) -> Change:
    return Change(remedy="momentum", settings={"momentum": value})


def train(method: type[torch.optim.Optimizer] = torch.optim.SGD, *, steps: int = 15, **constants: Any) -> nn.Module:
    inputs, classes = rings()
    model = mlp()
    optimizer = method(model.parameters(), **constants)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize(
    ("given", "value", "wanted"),
    [
        ({"momentum": 0.0}, 0.9, {"momentum": 0.9}),
        ({"momentum": 0.999}, 0.9, {"momentum": 0.9}),
        ({"momentum": 0.99, "nesterov": True}, 0.0, {"momentum": 0.0}),
    ],
)
def test_it_gives_what_the_script_gives_with_that_momentum(
    given: dict[str, Any], value: float, wanted: dict[str, Any]
) -> None:
    assert torch.equal(changed_by(to(value), lambda: train(lr=0.05, **given)), weights(train(lr=0.05, **wanted)))


def test_of_betas_it_is_the_first() -> None:
    found = changed_by(to(0.9), lambda: train(torch.optim.Adam, lr=0.01, betas=(0.99, 0.95)))
    assert torch.equal(found, weights(train(torch.optim.Adam, lr=0.01, betas=(0.9, 0.95))))


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = Momentum()
    with recorded(tmp_path / "sick", lambda: train(lr=3.0, momentum=0.9999, steps=60)) as run:
        assert Learning.of(run).remaining > 0.5
        assert list(remedy.candidates(run, None)) == [to(0.9), to(0.0)]
        assert remedy.words(to(0.9), run) == "with a momentum of 0.9"
        assert remedy.words(to(0.0), run) == "without momentum"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(lr=3.0, momentum=0.9999, steps=60), to(0.9)) as run:
        assert Learning.of(run).remaining < 0.1
    with recorded(tmp_path / "none", lambda: train(torch.optim.Adagrad, lr=0.1)) as run:
        assert remedy.candidates(run, None) == ()

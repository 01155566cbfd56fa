from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.record import signals
from unstuck.remedies import Change
from unstuck.remedies.warm_up import WarmUp

WARM = Change(remedy="warm-up", settings={"steps": 4})


def train(*, warm: bool = False, steps: int = 12) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for step in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        if warm:
            optimizer.param_groups[0]["lr"] = min(0.02, 0.02 * (step + 1) / 4)
        optimizer.step()
    return model


def test_it_gives_what_the_script_gives_with_a_warm_up() -> None:
    assert torch.equal(changed_by(WARM, train), weights(train(warm=True)))


def test_its_length_is_a_share_of_the_training(tmp_path: Path) -> None:
    remedy = WarmUp()
    with recorded(tmp_path / "long", lambda: train(steps=300)) as run:
        assert list(remedy.candidates(run, None)) == [Change(remedy="warm-up", settings={"steps": 15})]
    with recorded(tmp_path / "trial", train, WARM) as run:
        assert run.table(signals.LEARNING_RATE).values[:, 0].round(4).tolist() == [0.005, 0.01, 0.015, 0.02]
        assert remedy.words(WARM, run) == "with a warm-up of 4 steps"
        assert remedy.obstacle(run) is None

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.softmax_axis import SoftmaxAxis

OVER_CLASSES = Change(remedy="softmax-axis", settings={"given": 0, "axis": 1, "dimensions": 2})


def train(axis: int, *, rate: float = 0.3) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(40):
        optimizer.zero_grad()
        F.nll_loss(F.log_softmax(model(inputs), dim=axis), classes).backward()
        optimizer.step()
    return model


def test_it_gives_what_the_repaired_script_gives() -> None:
    assert torch.equal(changed_by(OVER_CLASSES, lambda: train(0)), weights(train(1)))


def test_only_the_axis_that_was_seen_is_exchanged() -> None:
    x = torch.randn(3, 4, 5)
    with applied(OVER_CLASSES):
        assert torch.equal(x.softmax(0), torch.softmax(x, 0))
        assert torch.equal(x[0].softmax(-1), x[0].softmax(1))
        assert not changed()
        assert torch.equal(x[0].softmax(0), x[0].softmax(1))
        assert torch.equal(nn.LogSoftmax(dim=-2)(x[0]), x[0].log_softmax(1))
        assert torch.equal(F.normalize(x[0], dim=0), F.normalize(x[0], dim=1))
        assert changed()


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = SoftmaxAxis()
    with recorded(tmp_path / "sick", lambda: train(0)) as run:
        assert next(iter(remedy.candidates(run, None))) == OVER_CLASSES
        assert remedy.words(OVER_CLASSES, run) == "with the softmax over axis 1"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(0), OVER_CLASSES) as run:
        assert Learning.of(run).outcome == "good"
    with recorded(tmp_path / "healthy", lambda: train(1)) as run:
        assert list(remedy.candidates(run, None)) == []

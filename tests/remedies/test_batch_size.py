from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.record import signals
from unstuck.remedies import Change
from unstuck.remedies.batch_size import BatchSize


def by(**settings: int) -> Change:
    return Change(remedy="batch-size", settings=settings)


def train(size: int, *, looped: bool = False) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    loader = DataLoader(TensorDataset(inputs, classes), batch_size=size) if looped else None
    for _ in range(3):
        batches = loader if loader is not None else zip(inputs.split(size), classes.split(size), strict=True)
        for x, y in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model


def test_steps_that_are_joined_equal_larger_batches() -> None:
    assert torch.allclose(changed_by(by(times=4), lambda: train(10)), weights(train(40)), atol=1e-6)


def test_smaller_batches_of_a_loader() -> None:
    assert torch.equal(changed_by(by(size=10), lambda: train(60, looped=True)), weights(train(10)))


def test_it_is_tried_by_the_size_that_was_seen(tmp_path: Path) -> None:
    remedy = BatchSize()
    with recorded(tmp_path / "small", lambda: train(4)) as run:
        assert list(remedy.candidates(run, None)) == [by(times=8), by(times=2)]
        assert remedy.words(by(times=8), run) == "with 8 times the batch"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "large", lambda: train(120, looped=True)) as run:
        assert list(remedy.candidates(run, None)) == [by(size=32)]
        assert remedy.words(by(size=32), run) == "with batches of 32"
    with recorded(tmp_path / "trial", lambda: train(120, looped=True), by(size=32)) as run:
        assert run.series(signals.BATCH_SIZE).values.max() == 32
        assert remedy.candidates(run, None) == ()

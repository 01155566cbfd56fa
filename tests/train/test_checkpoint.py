from __future__ import annotations

from pathlib import Path

import pytest
import torch

from unstuck.errors import WeightsError
from unstuck.record import Run, RunWriter
from unstuck.train import Recipe, checkpoint, train
from unstuck.train.finetune import load_weights

RECIPE = Recipe.of(
    {
        "data": {"name": "pokemon"},
        "model": {"name": "linear"},
        "optimizer": {"name": "sgd", "lr": 0.1},
        "train": {"batch_size": "all", "epochs": 5},
    }
)


def test_it_has_the_best_weights_and_the_data(tmp_path: Path) -> None:
    trained = train(RECIPE, tmp_path / "run")
    with Run.open(trained.folder) as run:
        subject = checkpoint(run)
    assert subject is not None
    before = {name: value.clone() for name, value in subject.model.state_dict().items()}
    load_weights(subject.model, trained.folder)
    assert all(torch.equal(value, before[name]) for name, value in subject.model.state_dict().items())
    inputs, targets = subject.batches[0]
    loss = float(subject.loss(subject.model(inputs), targets).detach())
    assert loss < float(targets.var())


def test_without_recipe_or_weights_there_is_none(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "script"):
        pass
    with Run.open(tmp_path / "script") as run:
        assert checkpoint(run) is None
    trained = train(RECIPE, tmp_path / "run")
    (trained.folder / "best.safetensors").unlink()
    with Run.open(trained.folder) as run:
        assert checkpoint(run) is None


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    trained = train(RECIPE, tmp_path / "run")
    (trained.folder / "best.safetensors").write_bytes(b"short")
    with Run.open(trained.folder) as run, pytest.raises(WeightsError):
        checkpoint(run)

"""Weights that a training has kept."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from unstuck.errors import WeightsError
from unstuck.preflight import Subject
from unstuck.record import Run
from unstuck.train import Recipe, path_of_files, train, weight_path
from unstuck.train.kept import CHECKPOINTS
from unstuck.train.setup import Setup

SHORT = {"data": {"name": "pokemon"}, "model": {"name": "linear"}, "train": {"epochs": 3, "batch_size": 5}}


def recipe(**more) -> Recipe:
    return Recipe.of({**SHORT, "train": {**SHORT["train"], **more}})


def test_each_epoch_is_kept(tmp_path):
    trained = train(recipe(checkpoints=True), tmp_path / "run")
    with Run.open(trained.folder) as run:
        path = weight_path(run)
    assert path.names == ("epoch 0", "epoch 1", "epoch 2", "epoch 3")
    start = Setup.of(recipe()).model.state_dict()
    assert all(torch.equal(value, start[name]) for name, value in path.states[0].items())
    weights = [state["1.weight"] if "1.weight" in state else next(iter(state.values())) for state in path.states]
    assert all(not torch.equal(a, b) for a, b in pairwise(weights))
    last = path.subject.model.state_dict()
    assert all(torch.equal(value, last[name]) for name, value in path.states[-1].items())


def test_without_checkpoints_start_and_best_are_known(tmp_path):
    trained = train(recipe(), tmp_path / "run")
    assert not (trained.folder / CHECKPOINTS).exists()
    with Run.open(trained.folder) as run:
        path = weight_path(run)
    assert path.names == ("the start", "the best epoch")
    start = Setup.of(recipe()).model.state_dict()
    assert all(torch.equal(value, start[name]) for name, value in path.states[0].items())


def test_a_run_without_weights_has_no_path(tmp_path):
    trained = train(recipe(), tmp_path / "run")
    (trained.folder / "best.safetensors").unlink()
    with Run.open(trained.folder) as run:
        assert weight_path(run) is None


def subject() -> Subject:
    return Subject.of(nn.Linear(2, 1), nn.functional.mse_loss, (torch.ones(4, 2), torch.ones(4, 1)))


def test_files_of_a_script_are_read(tmp_path):
    first, second = nn.Linear(2, 1), nn.Linear(2, 1)
    torch.save(first.state_dict(), tmp_path / "a.pt")
    torch.save({"epoch": 3, "model_state_dict": second.state_dict()}, tmp_path / "b.pt")
    of = subject()
    path = path_of_files(of, [tmp_path / "a.pt", tmp_path / "b.pt"])
    assert path.names == ("a", "b")
    assert torch.equal(path.states[0]["weight"], first.weight)
    assert torch.equal(of.model.weight, second.weight)


@pytest.mark.parametrize("kind", ["missing", "damaged", "another", "no mapping"])
def test_files_that_do_not_fit_are_refused(kind, tmp_path):
    file = tmp_path / "a.pt"
    if kind == "damaged":
        file.write_bytes(b"PK\x03\x04")
    elif kind == "another":
        torch.save(nn.Linear(3, 1).state_dict(), file)
    elif kind == "no mapping":
        torch.save(torch.ones(3), file)
    said = {
        "missing": "no such file",
        "damaged": "cannot be read",
        "another": "another network",
        "no mapping": "Tensor",
    }
    with pytest.raises(WeightsError, match=said[kind]):
        path_of_files(subject(), [file])

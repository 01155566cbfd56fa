from __future__ import annotations

import pytest
import torch

from tests.sweep.formula import SMALL, outcome
from unstuck.stacked import CannotStackError
from unstuck.sweep import read_space
from unstuck.sweep.attempt import Try
from unstuck.sweep.locally import Locally
from unstuck.sweep.stacking import train_stacked


def test_tries_are_made_with_the_threads_of_the_recipe():
    space = read_space("mlp", over=["optimizer.lr=1e-2..1"], overrides=[*SMALL, "train.threads=1", "train.epochs=1"])
    before, threads = torch.get_num_threads(), []
    tries = [Try(setting={"optimizer.lr": rate}, stage="coarse") for rate in (0.1, 0.2)]
    made = list(Locally().train(space, tries, lambda attempt, epoch: threads.append(torch.get_num_threads()), print))
    assert [attempt for attempt, _ in made] == tries
    assert threads == [1, 1]
    assert torch.get_num_threads() == before


def test_what_differs_in_numbers_is_made_as_one_and_the_rest_by_itself():
    space = read_space("mlp", over=["optimizer.lr=1e-2..1", "model.hidden=[8], [16]"], overrides=SMALL)
    settings = [{"optimizer.lr": rate, "model.hidden": [width]} for width in (8, 16) for rate in (0.1, 0.2)]
    tries = [Try(setting=setting, stage="coarse") for setting in settings]
    assert Locally().together(space, tries) == 2
    assert Locally(stack=False).together(space, tries) == 1
    made = dict(zip([0, 1, 2, 3], Locally().train(space, tries, nothing, print), strict=True))
    assert [outcome.stacked for _, outcome in made.values()] == [2, 2, 2, 2]
    alone = list(Locally(stack=False).train(space, tries, nothing, print))
    assert [outcome.accuracy for _, outcome in alone] == [outcome.accuracy for _, outcome in made.values()]
    assert all(outcome.stacked == 1 for _, outcome in alone)


def nothing(attempt, epoch):
    return None


def test_what_cannot_be_made_as_one_is_made_one_after_the_other_and_the_reason_is_said_once():
    over = [*SMALL, "train.compile=true", "train.epochs=1"]
    space = read_space("mlp", over=["optimizer.lr=1e-2..1"], overrides=over)
    tries = [Try(setting={"optimizer.lr": rate}, stage="coarse") for rate in (0.1, 0.2)]
    with pytest.raises(CannotStackError):
        train_stacked(space, tries)
    said = []
    trainer = Locally()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unstuck.sweep.locally.train_alone", lambda space, attempt, after_epoch: outcome())
        assert len(list(trainer.train(space, tries, nothing, said.append))) == 2
    assert len(said) == 1
    assert "cannot be trained as one: train.compile" in said[0]
    assert trainer.together(space, tries) == 1


def test_where_together_fails_each_is_made_by_itself(monkeypatch):
    def fails(space, tries, after_epoch):
        raise RuntimeError("out of memory\nby 3 GiB")

    monkeypatch.setattr("unstuck.sweep.locally.train_stacked", fails)
    space = read_space("mlp", over=["optimizer.lr=1e-2..1"], overrides=SMALL)
    tries = [Try(setting={"optimizer.lr": rate}, stage="coarse") for rate in (0.1, 0.2)]
    said = []
    made = list(Locally().train(space, tries, nothing, said.append))
    assert [outcome.reason for _, outcome in made] == ["completed", "completed"]
    assert said == ["trained one after another, for together they fail: out of memory"]

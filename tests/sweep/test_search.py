from __future__ import annotations

import pytest

from tests.sweep.formula import SMALL, Formula, outcome
from unstuck.errors import ArgumentError, DataError, RecipeError, RunWriteError
from unstuck.sweep import CoarseToFine, Plan, Sampled, read_space, sweep
from unstuck.sweep.storage import JOURNAL


def test_a_sweep_of_real_trainings_finds_a_rate_that_learns(tmp_path):
    space = read_space("mlp", over=["optimizer.lr=1e-4..1"], overrides=[*SMALL, "data.examples=300"])
    found = sweep(space, tmp_path, strategy=CoarseToFine(plan=Plan(seeds=2, finalists=2)))
    assert found.best is not None
    assert found.best.mean > 0.5
    assert found.best.setting["optimizer.lr"] >= 0.05
    assert (tmp_path / JOURNAL).is_file()


def test_the_folder_is_made_under_runs(space, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep(space, trainer=Formula())
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("-sweep")


def test_what_the_recipe_lacks_is_said_before_anything_is_written(tmp_path):
    space = read_space("mlp", over=["optimizer.lr"], overrides=["data={name='csv', path='/none.csv', target='y'}"])
    with pytest.raises((DataError, RecipeError), match=r"none\.csv"):
        sweep(space, tmp_path / "out")
    with pytest.raises(ArgumentError, match="tpx"):
        sweep(read_space("mlp", over=["optimizer.lr"]), tmp_path / "out", strategy=Sampled(sampler="tpx"))
    assert not (tmp_path / "out").exists()


def test_a_recipe_that_refuses_everything_is_one_message(space, tmp_path):
    class Refused(Formula):
        def train(self, space, tries, after_epoch, say):
            yield from ((attempt, outcome(reason="refused", said="no such thing")) for attempt in tries)

    with pytest.raises(ArgumentError, match=r"none of \d+ settings could be trained; the first: no such thing"):
        sweep(space, tmp_path, trainer=Refused())


def test_a_folder_that_may_not_be_made_is_one_message(space, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunWriteError, match="--out"):
        sweep(space, tmp_path / "file" / "out", trainer=Formula())

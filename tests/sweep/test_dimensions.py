from __future__ import annotations

import pytest

from unstuck.sweep import read_space
from unstuck.sweep.dimensions import choices, distributions, parameters, suggest
from unstuck.sweep.storage import optuna

OVER = ["optimizer.lr", "optimizer.weight_decay=0, 1e-4..1e-1", "model.hidden=[8], [16, 16]", "train.epochs=3..9"]


@pytest.fixture
def wide():
    return read_space("mlp", over=OVER)


def test_what_a_sampler_asks_for_is_a_setting_that_goes_back_into_its_parameters(wide):
    study = optuna().create_study(sampler=optuna("samplers").RandomSampler(seed=0))
    kinds = set()
    for _ in range(30):
        trial = study.ask()
        setting = suggest(wide, trial)
        assert set(setting) == set(wide.keys)
        assert parameters(wide, setting) == trial.params
        kinds.add(setting["optimizer.weight_decay"] == 0)
        wide.table(setting)
    assert kinds == {True, False}


def test_each_parameter_has_a_distribution_and_a_grid(wide):
    names = {"optimizer.lr", "optimizer.weight_decay?", "optimizer.weight_decay", "model.hidden", "train.epochs"}
    assert set(distributions(wide)) == set(choices(wide)) == names
    for name, values in choices(wide).items():
        assert all(distributions(wide)[name]._contains(distributions(wide)[name].to_internal_repr(v)) for v in values)


def test_what_lies_in_no_distribution_is_left_out(wide):
    assert parameters(wide, {"model.hidden": [5], "train.epochs": 200}) == {}

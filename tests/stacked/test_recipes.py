"""Recipes come out stacked as they come out of ``unstuck train``."""

import math

import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.stacked import train_stacked
from unstuck.stacked.recipes import groups
from unstuck.train import Recipe, train

SMALL = {
    "data": {"name": "digits", "examples": 300},
    "model": {"name": "mlp", "hidden": [16], "norm": "batch", "dropout": 0.3},
    "train": {"epochs": 3, "threads": 1},
    "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9},
}

RATES = ((0.05, 0), (0.1, 0), (0.05, 1))


def recipe(**sections):
    table = {key: dict(value) for key, value in SMALL.items()}
    for section, value in sections.items():
        table[section] = {**table.get(section, {}), **value} if isinstance(value, dict) else value
    return Recipe.of(table)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    recipes = [
        recipe(optimizer={"lr": 0.01}),
        recipe(optimizer={"weight_decay": 1e-3, "momentum": 0.0}, train={"l1": 1e-4, "l2": 1e-3}),
        recipe(seed=3, model={"dropout": 0.5}, init={"weights": "torch"}),
        recipe(schedule={"name": "step", "step_size": 1}, momentum={"name": "linear", "start": 0.5, "end": 0.9}),
        recipe(schedule={"name": "plateau", "patience": 0}, train={"epochs": 2}),
        recipe(optimizer={"lr": 1e6}),
        recipe(train={"patience": 1, "epochs": 12}),
    ]
    apart = [train(each, tmp_path_factory.mktemp("run") / "run") for each in recipes]
    return train_stacked(recipes), apart


def test_every_recipe_comes_out_as_it_does_alone(trained):
    for result, alone in zip(*trained, strict=True):
        assert result.alone == ""
        assert (result.reason, result.best, len(result.epochs)) == (alone.reason, alone.best, len(alone.epochs))
        for mine, other in zip(result.epochs, alone.epochs, strict=True):
            assert mine.train.loss == pytest.approx(other.train.loss, abs=1e-5, nan_ok=True)
            if math.isfinite(other.train.loss):
                assert mine.train.accuracy == pytest.approx(other.train.accuracy)
            assert mine.penalty == pytest.approx(other.penalty, abs=1e-5, nan_ok=True)
            if mine.validation is not None:
                assert mine.validation.loss == pytest.approx(other.validation.loss, abs=1e-5)
                assert mine.validation.accuracy == pytest.approx(other.validation.accuracy)


def test_the_kinds_of_end_are_among_them(trained):
    assert {result.reason for result in trained[0]} == {"completed", "diverged", "early stopping"}


def test_pictures_that_are_shifted_at_random_are_those_of_the_training_alone(tmp_path):
    shifted = {
        "data": {"examples": 100},
        "augment": {"shift": 0.1},
        "model": {"name": "cnn", "channels": [4], "hidden": [8], "norm": "none"},
    }
    recipes = [recipe(**shifted, optimizer={"lr": rate}, seed=seed, train={"epochs": 2}) for rate, seed in RATES]
    for number, (result, each) in enumerate(zip(train_stacked(recipes), recipes, strict=True)):
        alone = train(each, tmp_path / str(number))
        assert result.alone == ""
        assert [one.train.loss for one in result.epochs] == pytest.approx(
            [one.train.loss for one in alone.epochs], abs=1e-5
        )


def test_models_have_the_best_weights(trained, tmp_path):
    from safetensors.torch import load_file

    for result, alone in zip(*trained, strict=True):
        file = alone.folder / "best.safetensors"
        for name, value in load_file(file).items() if file.exists() else ():
            torch.testing.assert_close(result.model.state_dict()[name], value, rtol=0, atol=1e-5)


def test_losses_are_those_of_every_step(trained):
    result = trained[0][0]
    assert len(result.losses) == 3 * 5
    assert result.losses[: len(result.losses) // 3].mean() == pytest.approx(result.epochs[0].train.loss, rel=0.1)


def test_what_is_of_another_structure_is_trained_alone_and_says_why():
    one, other, odd = recipe(), recipe(optimizer={"lr": 0.2}), recipe(model={"hidden": [8]})
    results = train_stacked([one, odd, other])
    assert [bool(result.alone) for result in results] == [False, True, False]
    assert "no other recipe has its network" in results[1].alone


def test_what_cannot_be_stacked_is_trained_one_after_another(tmp_path):
    ahead = [recipe(optimizer={"name": "look-ahead-nesterov", "lr": rate}) for rate in (0.01, 0.1)]
    results = train_stacked(ahead)
    assert all("look-ahead-nesterov" in result.alone for result in results)
    alone = train(ahead[1], tmp_path / "run")
    assert results[1].epochs[-1].train.loss == alone.epochs[-1].train.loss


def test_recurrent_networks_say_why_they_are_not_stacked():
    text = {"data": {"name": "characters", "examples": 20}, "train": {"epochs": 1}}
    small = {**text, "model": {"name": "lstm", "hidden": 8, "embedding": 4}}
    results = train_stacked([Recipe.of({**small, "optimizer": {"lr": rate}}) for rate in (1e-3, 1e-2)])
    assert all("LSTM" in result.alone for result in results)


def test_a_member_is_stopped_for_a_reason_whether_stacked_or_alone():
    for name in ("sgd", "look-ahead-nesterov"):
        pair = [recipe(optimizer={"name": name, "lr": rate}) for rate in (0.01, 0.1)]
        results = train_stacked(pair, after_epoch=lambda k, epoch: "enough" if k and epoch.number == 2 else None)
        assert [(result.reason, result.why) for result in results] == [("completed", ""), ("stopped", "enough")]
        assert len(results[1].epochs) == 2
        assert results[1].best in (1, 2)


def test_groups_are_of_what_agrees():
    several = [recipe(), recipe(seed=4), recipe(train={"batch_size": 32}), recipe(model={"dropout": 0.0})]
    several.append(recipe(optimizer={"nesterov": True}))
    assert groups(several) == [[0, 1], [2], [3], [4]]


def test_the_random_state_is_as_before_and_none_is_refused():
    before = torch.get_rng_state()
    train_stacked([recipe(train={"epochs": 1})] * 2)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ArgumentError, match="at least one"):
        train_stacked([])

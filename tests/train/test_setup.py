import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from unstuck.errors import RecipeError
from unstuck.train import Recipe, read_variants, shipped, train_variants
from unstuck.train.setup import Setup, evaluation

TABLE = {
    "data": {"name": "digits", "classes": ["3", "8"], "examples": 20},
    "model": {"name": "mlp", "hidden": [8]},
    "optimizer": {"name": "adam", "lr": 0.01},
    "start": {"layer_factor": 0.5},
    "schedule": {"name": "cosine"},
    "train": {"epochs": 4, "batch_size": 64},
}


def test_a_recipe_makes_everything_that_training_needs() -> None:
    setup = Setup.of(Recipe.of(TABLE))
    assert (len(setup.data.train), setup.data.labels, len(setup.batches)) == (20, ("3", "8"), 1)
    assert [group["lr"] for group in setup.optimizer.param_groups] == [0.005, 0.01]
    assert [type(schedule).__name__ for schedule in setup.schedules] == ["CosineAnnealingLR"]
    assert (setup.loaded, setup.penalty, setup.patience) == (None, None, 10)
    assert setup.plan.epochs == 4
    assert setup.description.startswith("digits: 20 to train on")
    assert "mlp of 538 parameters; Adam at rate 0.01 (cosine)" in setup.description
    assert len(list(evaluation(setup.data, "test") or ())) == 1


def test_the_seed_decides_weights_and_batches() -> None:
    setups = [Setup.of(Recipe.of({**TABLE, "seed": seed})) for seed in (1, 1, 2)]
    weights = [setup.model[1].weight for setup in setups]
    inputs = [next(iter(setup.batches))[0] for setup in setups]
    for values in (weights, inputs):
        assert torch.equal(values[0], values[1])
        assert not torch.equal(values[0], values[2])


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("data", {"classes": ["3", "x"]}, r"data\.classes='x' is not known"),
        ("data", {"examples": 5000}, r"data\.examples=5000: there are \d+ training examples"),
        ("data", {"rare": {"3": 9999}}, r"data\.rare=9999"),
        ("schedule", {"warmup": 9}, r"schedule\.warmup=9: the training has 4 steps"),
    ],
)
def test_parts_that_do_not_fit_name_their_section(section: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Setup.of(Recipe.of({**TABLE, section: {**TABLE[section], **changes}}))


def test_dropout_is_refused_by_methods_that_compare_losses() -> None:
    table = {"model": {"name": "mlp", "hidden": [8], "dropout": 0.5}, "optimizer": {"name": "hessian-free"}}
    with pytest.raises(
        RecipeError, match=r"optimizer\.name='hessian-free': it compares losses.*leave model\.dropout out"
    ):
        Setup.of(Recipe.of(table))


@pytest.mark.parametrize("key", ["validation", "test"])
def test_a_share_of_a_part_that_the_files_have_is_refused(tmp_path: Path, key: str) -> None:
    rows, targets = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    parts = ("train", "val", "test")
    arrays = {f"x_{part}": rows for part in parts} | {f"y_{part}": targets for part in parts}
    np.savez(tmp_path / "mine.npz", **arrays)
    data = {"name": "npz", "path": str(tmp_path / "mine.npz")}
    description = Setup.of(Recipe.of({"data": data, "train": {"batch_size": 10}})).description
    assert description.startswith("mine: 20 to train on, 20 to validate on, 20 held out")
    with pytest.raises(RecipeError, match=rf"data\.{key}=0\.2: mine has a {key} part of its own, of 20 examples"):
        Setup.of(Recipe.of({"data": {**data, key: 0.2}}))


EXTRAS = {"fine-tuning": "mlxtend", "mnist-lenet": "kornia", "mnist-resnet": "kornia", "auto-mpg": "mlxtend"}


def curves(setup: Setup) -> list[list[float]]:
    """The curve of each schedule, at as many points whatever the number of steps."""
    length = setup.recipe.train.epochs * len(setup.batches)
    found = [cast("Any", schedule).curve(length) for schedule in setup.schedules]
    return [[float(curve[round(k * (length - 1) / 20)]) for k in range(21)] for curve in found]


@pytest.mark.parametrize(
    "schedule",
    [
        {"name": "cosine", "warmup": 80},
        {"name": "step", "unit": "step", "step_size": 140, "gamma": 0.5},
        {"name": "exponential", "unit": "step", "gamma": 0.99},
        {"name": "exponential", "unit": "step", "rate": 0.01},
        {"name": "inverse-time", "unit": "step", "rate": 0.02},
        {"name": "inverse-square-root", "warmup_steps": 100},
        {"name": "step", "step_size": 1, "gamma": 0.5},
    ],
    ids=str,
)
def test_a_quick_training_keeps_the_shape_of_every_schedule(schedule: dict[str, Any]) -> None:
    table = {**TABLE, "data": {"name": "digits"}, "schedule": schedule, "train": {"epochs": 4, "batch_size": 8}}
    whole = Setup.of(Recipe.of(table))
    quick = Setup.of(Recipe.of({**table, "data": {"name": "digits", "quick": True}}))
    assert len(whole.batches) > 9 * len(quick.batches)
    np.testing.assert_allclose(curves(quick)[0], curves(whole)[0], rtol=0.25, atol=0.0012)


@pytest.mark.parametrize(
    "schedule",
    [
        {"name": "cosine", "warmup": 400},
        {"name": "step", "step_size": 10, "gamma": 0.5},
        {"name": "inverse-square-root", "warmup_steps": 400},
        {"name": "exponential", "gamma": 0.9},
    ],
    ids=str,
)
def test_a_quick_training_makes_ten_epochs_of_the_same_curve(schedule: dict[str, Any]) -> None:
    table = {**TABLE, "data": {"name": "digits"}, "schedule": schedule, "train": {"epochs": 40, "batch_size": 8}}
    whole = Setup.of(Recipe.of(table))
    quick = Setup.of(Recipe.of({**table, "data": {"name": "digits", "quick": True}}))
    assert (whole.plan.epochs, quick.plan.epochs) == (40, 10)
    np.testing.assert_allclose(curves(quick)[0], curves(whole)[0], rtol=0.3, atol=0.0012)


def test_layers_of_a_quick_training_thaw_as_early() -> None:
    for epochs, thaw, expected in ((40, 8, 2), (40, 1, 1), (10, 8, 8)):
        start = {"freeze": ["1.*"], "thaw": thaw}
        table = {**TABLE, "data": {"name": "digits", "quick": True}, "train": {"epochs": epochs}, "start": start}
        assert Setup.of(Recipe.of(table)).recipe.start.thaw == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_quick_training_takes_little_time(name: str, tmp_path: Path) -> None:
    if name in EXTRAS:
        pytest.importorskip("mlxtend")
        pytest.importorskip(EXTRAS[name])
    began = time.process_time()
    for _ in train_variants(read_variants(name, overrides=["data.quick=true", "train.device=cpu"]), tmp_path / "q"):
        pass
    assert time.process_time() - began < 40.0  # of both cores, 30 s by the clock of a machine that does nothing else


def test_a_quick_training_keeps_the_shape_of_the_momentum() -> None:
    table = {**TABLE, "data": {"name": "digits"}, "train": {"epochs": 4, "batch_size": 8}}
    table |= {"optimizer": {"name": "momentum", "lr": 0.01}, "schedule": {}}
    for momentum in ({"name": "linear"}, {"name": "linear", "total_steps": 300}, {"name": "sutskever", "stair": 100}):
        setups = [
            Setup.of(Recipe.of({**table, "data": {"name": "digits", "quick": quick}, "momentum": momentum}))
            for quick in (False, True)
        ]
        np.testing.assert_allclose(curves(setups[1])[0], curves(setups[0])[0], rtol=0.1)
        assert curves(setups[0])[0][-1] > curves(setups[0])[0][0]


def test_momentum_and_rate_change_side_by_side() -> None:
    momentum = {"name": "linear", "start": 0.2, "end": 0.8}
    setup = Setup.of(Recipe.of({**TABLE, "momentum": momentum, "start": {}}))
    assert [type(schedule).__name__ for schedule in setup.schedules] == ["CosineAnnealingLR", "LinearMomentum"]
    assert setup.optimizer.param_groups[0]["betas"] == (0.2, 0.999)
    assert setup.optimizer.param_groups[0]["lr"] == 0.01


def test_a_momentum_schedule_needs_a_momentum() -> None:
    with pytest.raises(RecipeError, match=r"momentum\..*'momentum' or 'betas'"):
        Setup.of(Recipe.of({**TABLE, "optimizer": {"name": "adagrad"}, "momentum": {"name": "linear"}}))


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_recipe_can_be_tried_quickly(name: str) -> None:
    if name in EXTRAS:
        pytest.importorskip("mlxtend")
        pytest.importorskip(EXTRAS[name])
    for variant in read_variants(name, overrides=["data.quick=true", "train.device=cpu"]):
        if variant.recipe.start.variant is None:  # what another variant leaves is there only when that has trained
            assert Setup.of(variant.recipe).batches, variant.name

from __future__ import annotations

import pytest

from unstuck.errors import ArgumentError, RecipeError
from unstuck.sweep import Space, dimensions, read_space
from unstuck.sweep.attempt import Try
from unstuck.train import Recipe, read_variants

FILE = """
[model]
hidden = [16]
[optimizer]
name = "momentum"
lr = 0.1
[sweep]
optimizer.lr = "1e-3..1"
optimizer.momentum = [0.5, 0.9]
"""


@pytest.fixture
def own(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(FILE)
    return file


def test_a_recipe_may_hold_its_sweep_and_options_replace_it_by_key(own):
    assert read_space(own).keys == ("optimizer.lr", "optimizer.momentum")
    space = read_space(own, over=["optimizer.lr=0.1, 0.2", "train.l2"])
    assert space.keys == ("optimizer.lr", "optimizer.momentum", "train.l2")
    assert space.axes[0].values == (0.1, 0.2)


def test_the_recipe_with_a_sweep_is_trained_without_it(own):
    assert Recipe.read(own) == read_variants(own)[0].recipe


def test_what_stands_is_found_also_where_the_optimizer_has_it():
    space = read_space("mlp", over=["optimizer.weight_decay", "model.hidden=[8],[9]", "init.weights"])
    assert space.stands == {"optimizer.weight_decay": 0.01, "model.hidden": [128, 128], "init.weights": "auto"}


def test_what_stands_is_spelled_as_it_is_tried_so_that_every_setting_is_one_of_the_study():
    space = read_space("digits", over=["optimizer.lr", "optimizer.weight_decay"])
    assert space.stands["optimizer.weight_decay"] == 0
    assert dimensions.parameters(space, space.stands)["optimizer.weight_decay?"] == "0.0"


def test_a_setting_changes_the_recipe_and_nothing_else(space):
    recipe = space.recipe(Try(setting={"optimizer.lr": 0.5}, stage="fine", seed=3, patience=20, quick=True))
    assert (recipe.optimizer.lr, recipe.seed, recipe.train.patience, recipe.data.quick) == (0.5, 3, 20, True)
    assert recipe.model == Recipe.of(space.base).model
    assert "seed" not in space.base


def test_another_model_brings_its_own_section_and_keeps_what_is_swept_in_it():
    space = read_space("digits", over=["model.name=mlp, cnn", "model.dropout"])
    table = space.table({"model.dropout": 0.3, "model.name": "mlp"})
    assert table["model"] == {"name": "mlp", "dropout": 0.3}
    assert space.table({"model.name": "cnn"})["model"]["channels"] == [32, 64]


def test_patience_that_is_swept_is_left_alone():
    space = read_space("mlp", over=["train.patience=3, 5"])
    assert space.recipe(Try(setting={"train.patience": 3}, stage="coarse")).train.patience == 3


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (["optimizer.lx=1,2"], "no such key; did you mean 'optimizer.lr'"),
        (["optimizer.lr=-1..1"], "a number above 0 is accepted"),
        (["optimizer.momentum"], "'adamw' has none"),
        (["model.name=mlp, mpl"], "did you mean 'mlp'"),
        (["model.hidden=3, 4"], "a list is accepted"),
        ([], "nothing is swept"),
    ],
)
def test_what_the_recipe_refuses_is_refused_before_anything_is_trained(over, said):
    with pytest.raises(ArgumentError) as error:
        read_space("mlp", over=over)
    assert said in str(error.value)


def test_a_section_that_is_no_table_is_refused(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text("sweep = 3\n")
    with pytest.raises(RecipeError, match="a table of keys"):
        read_space(file)


def test_a_space_is_plain_data_and_its_fingerprint_tells_it_from_others(space):
    assert Space.of(space.to_dict()) == space
    assert Space.of(space.to_dict()).fingerprint == space.fingerprint
    others = [
        read_space("mlp", over=["optimizer.lr=1e-3..10"]),
        read_space("mlp", over=["optimizer.lr=1e-3..10"], overrides=["train.epochs=3"]),
        read_space("mlp", over=["optimizer.lr=1e-3..10"], quick=True),
    ]
    assert len({space.fingerprint, *(other.fingerprint for other in others)}) == 4

import sys
from pathlib import Path

import pytest

from unstuck.errors import MissingPackageError, RecipeError
from unstuck.nn import CNN, MLP
from unstuck.train import Recipe, read_variants, shipped, toml
from unstuck.train.recipe import DEFAULT

NAMES = sorted(shipped())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shipped_can_be_read_and_written_back(name: str) -> None:
    for recipe in (Recipe.read(name), *(variant.recipe for variant in read_variants(name))):
        assert Recipe.of(toml.parse(recipe.text, source="text")) == recipe


def test_any_name_and_number_can_be_written_back() -> None:
    data = {"name": "folder", "path": 'C:\\"my"\n\x7f data\\é', "rare": {"a b": 3, "é.7": 2}}
    recipe = Recipe.of({"data": data, "optimizer": {"lr": 1e-300}})
    assert Recipe.of(toml.parse(recipe.text, source="text")) == recipe


def test_without_its_writer_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomli_w", None)
    with pytest.raises(MissingPackageError, match=r"tomli-w is needed for recording a recipe; .*unstuck\[train\]"):
        _ = Recipe.of({}).text


def test_the_default_is_shipped() -> None:
    assert DEFAULT in NAMES
    assert Recipe.read() == Recipe.read(DEFAULT)


def test_an_empty_recipe_is_complete() -> None:
    recipe = Recipe.of({})
    assert (recipe.data.name, recipe.model, recipe.train.patience) == ("digits", MLP(), 10)
    assert recipe.optimizer.constants == {}


def test_a_file_is_read_and_overridden(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('seed = 5\n[model]\nname = "cnn"\nchannels = [4]\n[optimizer]\nbetas = [0.8, 0.9]\n')
    recipe = Recipe.read(file, overrides=["model.channels=[6]", "train.batch_size=all"])
    assert (recipe.seed, recipe.model, recipe.train.batch_size) == (5, CNN(channels=(6,)), "all")
    assert recipe.optimizer.constants == {"betas": (0.8, 0.9)}


def test_a_model_without_a_name_is_a_perceptron() -> None:
    assert Recipe.of({"model": {"hidden": [7]}}).model == MLP(hidden=(7,))


@pytest.mark.parametrize(
    ("source", "message"),
    [("digit", "did you mean 'digits'"), ("no/such.toml", "or a TOML file that exists"), (".", "RECIPE='.'")],
)
def test_a_recipe_that_is_not_there(source: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.read(source)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "weights.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"cannot be read .*UTF-8"):
        Recipe.read(file)

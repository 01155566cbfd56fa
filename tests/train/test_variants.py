from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from unstuck.errors import RecipeError
from unstuck.train import Silent, Variant, read_variants, train_variants

BASE = """
[data]
name = "digits"
classes = ["0", "1", "2"]
examples = 30
[model]
hidden = [8]
[optimizer]
name = "sgd"
lr = 0.1
[train]
epochs = 2
"""


def written(folder: Path, *variants: str, base: str = BASE) -> Path:
    file = folder / "mine.toml"
    file.write_text(base + "".join(f"\n[[variant]]\n{variant}\n" for variant in variants))
    return file


def test_a_variant_changes_keys_and_a_new_name_the_whole_section(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        'name = "wide"\nmodel.hidden = [16]\nseed = 3',
        'name = "adam"\noptimizer.name = "adam"\nshows = "lr-too-low"',
    )
    wide, adam = read_variants(file, overrides=["train.epochs=4"])
    assert (wide.name, wide.recipe.seed, wide.recipe.optimizer.lr) == ("wide", 3, 0.1)
    assert wide.recipe.model.hidden == (16,)  # type: ignore[union-attr]
    assert (adam.recipe.optimizer.name, adam.recipe.optimizer.lr, adam.recipe.shows) == ("adam", None, "lr-too-low")
    assert {variant.recipe.train.epochs for variant in (wide, adam)} == {4}
    assert wide.recipe.data == adam.recipe.data


def test_a_recipe_without_variants_is_its_own(tmp_path: Path) -> None:
    (only,) = read_variants(written(tmp_path))
    assert only.name == ""
    ((variant, trained),) = train_variants([only], tmp_path / "run")
    assert (variant, trained.folder) == (only, tmp_path / "run")


def test_one_variant_begins_from_the_weights_of_another(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        'name = "first"',
        'name = "second"\nstart.variant = "first"\nstart.freeze = ["1.*"]\nstart.head = "fresh"',
    )
    begun: list[str] = []

    def begin(variant: Variant) -> Silent:
        begun.append(variant.name)
        return Silent()

    done = list(train_variants(read_variants(file), tmp_path / "runs", begin=begin))
    assert begun == ["first", "second"]
    assert [trained.folder.name for _, trained in done] == ["01-first", "02-second"]
    assert [len(trained.epochs) for _, trained in done] == [2, 2]
    first, second = (load_file(trained.folder / "best.safetensors") for _, trained in done)
    assert torch.equal(first["1.weight"], second["1.weight"])
    assert not torch.equal(first["3.weight"], second["3.weight"])


def test_runs_go_into_one_new_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, 'name = "a"\ntrain.epochs = 1', 'name = "b"\ntrain.epochs = 1')
    folders = [trained.folder for _, trained in train_variants(read_variants(file))]
    assert folders[0].parent == folders[1].parent
    assert folders[0].parent.parent == Path("runs")


def test_ctrl_c_ends_with_the_variant_that_it_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pressing(Silent):
        def epoch(self, epoch: object) -> None:
            raise KeyboardInterrupt

    file = written(tmp_path, 'name = "a"', 'name = "b"')
    done = list(train_variants(read_variants(file), tmp_path / "runs", begin=lambda variant: Pressing()))
    assert [trained.reason for _, trained in done] == ["interrupted"]


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        (["seed = 1"], "variant.name=None: each .* needs a name"),
        (["name = 3"], "variant.name=3"),
        (['name = "a"', 'name = "a"'], "variant.name='a': there is one of this name already"),
        (['name = "a"\noptimizer.rate = 1'], "variant 'a': optimizer.rate=1: no such key"),
        (['name = "a"\nshows = "lr-to-high"'], "variant 'a': shows='lr-to-high' is not known; did you mean 'lr-too-hi"),
        (['name = "a"', 'name = "b"\nstart.variant = "A"'], "variant 'b': start.variant='A' is not known; .*'a'"),
        (['name = "a"\nstart.variant = "a"'], "variant 'a': start.variant='a' is not known"),
        (['name = "a"\nmodel = 3'], "variant 'a': model=3"),
    ],
)
def test_variants_that_make_no_sense(tmp_path: Path, variants: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_variants(written(tmp_path, *variants))


@pytest.mark.parametrize("text", ["variant = 3", 'variant = ["a"]', "variant = []", '[variant]\nname = "a"'])
def test_variants_are_tables_in_a_list(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeError, match=r"variant: tables \[\[variant\]\] are accepted"):
        read_variants(written(tmp_path, base=text))

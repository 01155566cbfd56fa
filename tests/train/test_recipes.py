"""Every recipe that is shipped: in a short form here, in full where slow tests run and by ``make recipes``."""

import math
from pathlib import Path

import pytest

from unstuck.train import outcome_of, read_variants, shipped, train_variants

NAMES = sorted(shipped())

LONG = {"characters-lstm", "characters-transformer", "fine-tuning", "mnist-lenet", "mnist-resnet"}
"""Recipes of more than a minute; ``make recipes`` runs them."""

SHORT = ("data.quick=true", "train.epochs=2", "train.threads=1")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in NAMES])
def test_every_variant_trains_in_a_short_form(name: str, tmp_path: Path) -> None:
    variants = read_variants(name, overrides=SHORT)
    for variant, trained in train_variants(variants, tmp_path / name):
        assert trained.reason in ("completed", *(["diverged"] if variant.recipe.shows else [])), variant.name
        assert trained.epochs[-1].train.examples or variant.recipe.shows
        if not variant.recipe.shows:
            losses = [epoch.train.loss for epoch in trained.epochs]
            assert min(losses[1:]) < losses[0], variant.name
            assert math.isfinite(losses[-1])


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_says_what_it_shows(name: str) -> None:
    comment = shipped()[name].split("\n\n")[0]
    assert all(line.startswith("# ") for line in comment.splitlines())
    assert len(comment) > 80
    names = [variant.name for variant in read_variants(name)]
    assert len(set(names)) == len(names)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in LONG])
def test_every_verdict_is_the_one_that_the_recipe_shows(name: str, tmp_path: Path) -> None:
    for variant, trained in train_variants(read_variants(name), tmp_path / name):
        outcome = outcome_of(variant, trained)
        assert outcome.surprise == "", f"{variant.name}: {outcome.verdict.findings}"

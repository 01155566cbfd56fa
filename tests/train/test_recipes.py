"""Every recipe that is shipped: in a short form here, in full where slow tests run and by ``make recipes``."""

import math
from pathlib import Path
from statistics import mean

import pytest
import torch
from torch import Tensor, nn

from unstuck.train import fit, outcome_of, read_variants, shipped, train_variants
from unstuck.train.setup import Setup

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


def losses(setup: Setup, steps: int) -> list[float]:
    """The loss of each step."""
    torch.set_num_threads(1)
    met: list[float] = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        value = setup.loss(outputs, targets)
        met.append(float(value.detach()))
        return value

    epochs = -(-steps // len(setup.batches))
    fit(setup.model, loss, setup.batches, setup.optimizer, epochs=epochs)
    return met[:steps]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_four_rates_draw_the_four_curves_of_every_course(seed: int) -> None:
    curves = {
        variant.name: losses(Setup.of(variant.recipe), 1000)
        for variant in read_variants("learning-rates", overrides=["train.device=cpu", f"seed={seed}"])
    }

    def about(name: str, begin: int, end: int) -> float:
        return mean(curves[name][begin:end])

    guess = math.log(10)
    assert mean(curves["good"][:8]) == pytest.approx(guess, rel=0.05)
    assert about("too low", 900, 1000) > 0.95 * guess
    assert about("high", 8, 16) < 0.6 * guess < about("good", 8, 16)  # it falls faster,
    assert about("high", 64, 128) < about("good", 64, 128)
    assert about("high", 300, 500) > about("good", 300, 500)  # is overtaken in the second or third epoch,
    assert 3 * about("good", 800, 1000) < about("high", 800, 1000) < guess  # stays too high, and does not die
    assert max(curves["very high"][:20]) > 10 * guess


def test_the_weighted_inputs_of_nielsens_two_networks_spread_as_in_the_book() -> None:
    spreads = []
    for variant in read_variants("nielsen"):
        setup = Setup.of(variant.recipe)
        first = next(module for module in setup.model if isinstance(module, nn.Linear))
        with torch.no_grad():
            spreads.append(float(first(setup.data.train.inputs).std()))
    assert spreads == [pytest.approx(22.4, rel=0.1), pytest.approx(1.22, rel=0.1)]

import pytest
import torch

from unstuck.errors import RecipeError
from unstuck.train import Recipe
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
    assert setup.schedule is not None
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

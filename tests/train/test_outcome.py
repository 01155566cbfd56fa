import json
from io import StringIO

import pytest
from rich.console import Console

from unstuck.train import Outcome, Recipe, outcome_of, outcome_table, read_variants, train_variants

BAD = """
[data]
name = "pokemon"
scale = false
[model]
name = "linear"
[optimizer]
name = "sgd"
lr = 1e-3
[train]
batch_size = "all"
epochs = 60
[[variant]]
name = "told"
shows = "{told}"
[[variant]]
name = "not told"
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    folder = tmp_path_factory.mktemp("outcome")
    file = folder / "bad.toml"
    file.write_text(BAD.format(told="lr-too-high"))
    first = [outcome_of(*pair) for pair in train_variants(read_variants(file), folder / "first")]
    file.write_text(BAD.format(told=first[0].verdict.findings[0].cause))
    return [outcome_of(*pair) for pair in train_variants(read_variants(file), folder / "second")]


def test_what_a_recipe_shows_is_no_surprise(outcomes: list[Outcome]) -> None:
    told, silent = outcomes
    cause = told.verdict.findings[0].cause
    assert told.surprise == ""
    assert silent.surprise == f"{cause}, expected healthy"


def test_what_a_recipe_shows_in_vain_is_one(outcomes: list[Outcome]) -> None:
    other = outcomes[0].variant.recipe.model_copy(update={"shows": "split-leak"})
    variant = outcomes[0].variant.__class__(name="a", recipe=other)
    outcome = outcome_of(variant, outcomes[0].trained)
    assert outcome.surprise.endswith(", expected split-leak")


def test_the_table_has_a_row_for_each(outcomes: list[Outcome]) -> None:
    text = StringIO()
    Console(file=text, width=200).print(outcome_table(outcomes))
    lines = text.getvalue().splitlines()
    names = ("variant", "epochs", "seconds", "loss", "first epoch", "validation", "test", "verdict")
    assert lines[0].split() == " ".join(names).split()
    cause = outcomes[0].verdict.findings[0].cause
    assert f"as shown: {cause}" in lines[1]
    assert f"surprise: {cause}, expected healthy" in lines[2]


def test_an_outcome_is_plain_data(outcomes: list[Outcome]) -> None:
    plain = json.loads(json.dumps(outcomes[1].to_dict(), allow_nan=False))
    assert (plain["variant"], plain["shows"], plain["verdict"], plain["test"]) == ("not told", None, "findings", None)


def test_only_known_causes_can_be_shown() -> None:
    with pytest.raises(ValueError, match="shows='lr' is not known"):
        Recipe.of({"shows": "lr"})

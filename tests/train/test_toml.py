from typing import Any

import pytest

from unstuck.errors import RecipeError
from unstuck.train import toml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        (".5", 0.5),
        ("10", 10),
        ("true", True),
        ('"a word"', "a word"),
        ("word", "word"),
        ("[1, 2]", [1, 2]),
        ("", ""),
        ("1 = 2", "1 = 2"),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_values_are_toml_and_words_may_go_bare(text: str, value: Any) -> None:
    table: dict[str, Any] = {}
    toml.override(table, f"a.b={text}")
    assert table == {"a": {"b": value}}
    assert type(table["a"]["b"]) is type(value)


def test_an_override_replaces_one_key_and_leaves_its_neighbours() -> None:
    table = {"optimizer": {"name": "adam", "lr": 1.0}, "seed": 3}
    toml.override(table, " optimizer.lr = 2 ")
    assert table == {"optimizer": {"name": "adam", "lr": 2}, "seed": 3}


@pytest.mark.parametrize("assignment", ["optimizer.lr", "=3", "a..b=3", ""])
def test_what_is_no_assignment_is_refused(assignment: str) -> None:
    with pytest.raises(RecipeError, match="KEY=VALUE is accepted"):
        toml.override({}, assignment)


def test_a_value_is_no_table() -> None:
    with pytest.raises(RecipeError, match=r"seed is a value, not a table"):
        toml.override({"seed": 0}, "seed.x=1")


def test_broken_toml_is_refused_with_its_place() -> None:
    with pytest.raises(RecipeError, match=r"mine.toml: not valid TOML: .*line 1"):
        toml.parse("seed = = 3", source="mine.toml")

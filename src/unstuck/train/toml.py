"""TOML read from files and from the values of single keys."""

from __future__ import annotations

import sys
from typing import Any, cast

from unstuck.errors import RecipeError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["override", "parse", "value_of"]

Table = dict[str, Any]


def parse(text: str, *, source: str) -> Table:
    """Read TOML.

    Raises:
        RecipeError: It is none; the message names the source, the line and the column.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{source}: not valid TOML: {error}") from error


def override(table: Table, assignment: str) -> None:
    """Set one key of nested tables, in place.

    Args:
        table: The tables.
        assignment: ``KEY=VALUE``; the key dotted, the value as in TOML, where a word may go without quotes.

    Raises:
        RecipeError: It is no assignment, or a key on the way is no table.

    Examples:
        >>> table = {"optimizer": {"name": "sgd"}}
        >>> for assignment in ("optimizer.lr=1e-3", "model.hidden=[32, 16]", "data.name=diabetes"):
        ...     override(table, assignment)
        >>> table
        {'optimizer': {'name': 'sgd', 'lr': 0.001}, 'model': {'hidden': [32, 16]}, 'data': {'name': 'diabetes'}}
    """
    key, equals, text = assignment.partition("=")
    names = [name.strip() for name in key.split(".")]
    if not equals or not all(names):
        raise RecipeError(f"--set {assignment}: KEY=VALUE is accepted, such as --set optimizer.lr=0.01")
    for position, name in enumerate(names[:-1]):
        inner: object = table.setdefault(name, {})
        if not isinstance(inner, dict):
            raise RecipeError(
                f"--set {assignment}: {'.'.join(names[: position + 1])} is a value, not a table; "
                "the keys of a recipe are section.key"
            )
        table = cast("Table", inner)
    table[names[-1]] = value_of(text.strip())


def value_of(text: str) -> Any:
    """A value as it is written in TOML, where a word may go without quotes.

    Examples:
        >>> value_of("1e-3"), value_of("[32, 16]"), value_of("adam"), value_of(".5")
        (0.001, [32, 16], 'adam', 0.5)
    """
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        parsed = {}
    if list(parsed) == ["value"]:
        return parsed["value"]
    try:
        return float(text)  # .5 and 1. are numbers to everybody but TOML
    except ValueError:
        return text

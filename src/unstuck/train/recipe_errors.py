"""What is wrong with a recipe, in the words of the person who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from unstuck.errors import ArgumentError
from unstuck.nn import ARCHITECTURES
from unstuck.spelling import unknown

__all__ = ["explain"]

Table = dict[str, Any]

ACCEPTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number from {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number up to {le:g}",
    "too_short": "a list of {min_length} entries",
    "too_long": "a list of {max_length} entries",
    "missing": "a longer list",
    "dict_type": "a table of keys",
    "model_type": "a table of keys",
    "dataclass_type": "a table of keys",
    "literal_error": "{expected}",
}
"""What is accepted, by the kind of the error."""

UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


def explain(error: ValidationError, table: Table, recipe: type[BaseModel]) -> str:
    """Say what is wrong, one line for each key: its name, its value, what is accepted, the nearest spelling.

    Args:
        error: What pydantic found.
        table: The recipe as it was read.
        recipe: The class that it should fill.
    """
    by_key: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        by_key.setdefault(_path(detail["loc"], table), []).append(detail)
    return "\n".join(_line(path, details, table, recipe) for path, details in by_key.items())


def _line(path: tuple[str, ...], details: list[ErrorDetails], table: Table, recipe: type[BaseModel]) -> str:
    key, value, kind = ".".join(path), _value(path, table), details[0]["type"]
    if kind in UNKNOWN_KEY:
        return _unknown_key(path, value, table, recipe)
    if kind == "union_tag_invalid":
        return unknown(f"{key}.name", value["name"], ARCHITECTURES)
    own = details[0].get("ctx", {}).get("error")
    if isinstance(own, ArgumentError):
        # Our own checks name the key inside its section; some keys stand in none.
        return f"{path[0]}.{own}" if isinstance(table[path[0]], dict) else str(own)
    literals = [detail for detail in details if detail["type"] == "literal_error"]
    if isinstance(value, str) and literals:
        names = [name.strip().strip("'") for detail in literals for name in _names(detail)]
        other = [_accepted(detail) for detail in details if detail["type"] != "literal_error"]
        return "; or ".join([unknown(key, value, names), *other])
    return f"{key}={value!r}: {', or '.join(dict.fromkeys(map(_accepted, details)))} is accepted"


def _accepted(detail: ErrorDetails) -> str:
    return ACCEPTED.get(detail["type"], detail["msg"]).format(**detail.get("ctx", {}))


def _names(detail: ErrorDetails) -> list[str]:
    return detail.get("ctx", {})["expected"].replace(" or ", ", ").split(", ")


def _path(location: tuple[int | str, ...], table: Table) -> tuple[str, ...]:
    """The keys on the way to an error, without pydantic's names for alternatives and without positions in lists."""
    path: list[str] = []
    here: Any = table
    for part in location:
        if isinstance(here, dict) and part in here:
            path.append(str(part))
            here = here[part]
    return tuple(path)


def _value(path: tuple[str, ...], table: Table) -> Any:
    value: Any = table
    for name in path:
        value = value[name]
    return value


def _unknown_key(path: tuple[str, ...], value: Any, table: Table, recipe: type[BaseModel]) -> str:
    key = ".".join(path)
    every = list(_keys(recipe, table))
    section = [other for other in every if other.rpartition(".")[0] == ".".join(path[:-1])]
    sections = list(recipe.model_fields)
    nearby = section if len(path) > 1 else sections
    elsewhere = [other for other in every if other.rpartition(".")[2] == key.rpartition(".")[2]]
    close = elsewhere or difflib.get_close_matches(key, nearby, n=1) or difflib.get_close_matches(key, every, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    where = f"in [{path[0]}]" if len(path) > 1 else "at the top"
    names = ", ".join(other.split(".")[-1] for other in nearby)
    return f"{key}={value!r}: no such key; {guess}Accepted {where}: {names}"


def _keys(recipe: type[BaseModel], table: Table) -> Iterator[str]:
    """Every dotted key that the recipe may have, those of the model it names among them."""
    model = table.get("model")
    name = model.get("name") if isinstance(model, dict) else None
    for section, entry in recipe.model_fields.items():
        kind = ARCHITECTURES.get(str(name)) if section == "model" else entry.annotation
        if is_dataclass(kind):
            yield from (f"{section}.{field.name}" for field in fields(kind))
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (f"{section}.{key}" for key in kind.model_fields)
        else:
            yield section

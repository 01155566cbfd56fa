"""Dataclasses back from the plain values that JSON gives, each value held against the type of its field."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from functools import cache
from typing import Any

from unstuck.record.facts.fact import Fact
from unstuck.record.upgrade import upgraded

__all__ = ["MOST_TEXT", "from_json", "from_plain"]

FactT = typing.TypeVar("FactT", bound=Fact)

MOST_TEXT = 1 << 25
"""Most characters of one fact as JSON."""

MOST_INTEGER = 1 << 63
"""Whole numbers from minus this to below it are read: what every other program can read too."""


def from_json(cls: type[FactT], text: object) -> FactT:
    """Rebuild a fact from its JSON.

    Args:
        cls: The class of the fact.
        text: What a run holds of it.

    Raises:
        ValueError: That is no JSON, or not that of such a fact.
    """
    if not isinstance(text, str):
        raise ValueError(f"the fact {cls.kind!r} is no text, or a huge one")
    try:
        return from_plain(cls, json.loads(text))
    except RecursionError:
        raise ValueError(f"the fact {cls.kind!r} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the fact {cls.kind!r}: {error}") from None


def from_plain(cls: type[FactT], values: object) -> FactT:
    """Rebuild a fact from the JSON values of :func:`dataclasses.asdict`.

    Args:
        cls: The class of the fact.
        values: Its fields, as this or an earlier release names them; unknown ones are ignored, missing ones take their
            default.

    Returns:
        The fact, with lists turned back into tuples and mappings into their dataclasses.

    Raises:
        ValueError: A value is not of its field's type, or a field without a default is missing.
    """
    try:
        current = upgraded(cls.kind, values) if isinstance(values, dict) else values
    except (AttributeError, TypeError):
        raise ValueError(f"{_shown(values)} is no {cls.__name__} of any release") from None
    return _build(cls, current)


@dataclasses.dataclass(frozen=True)
class _Field:
    name: str
    hint: Any
    required: bool


@cache
def _fields(cls: Any) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(cls)
    missing = dataclasses.MISSING
    return tuple(
        _Field(field.name, hints[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(cls)
    )


def _build(cls: Any, values: object) -> Any:
    if not isinstance(values, dict):
        raise ValueError(f"{_shown(values)} is no {cls.__name__}")
    known: dict[str, Any] = {}
    for field in _fields(cls):
        if field.name in values:
            try:
                known[field.name] = _convert(field.hint, values[field.name])
            except ValueError as error:
                raise ValueError(f"{field.name}: {error}") from None
        elif field.required:
            raise ValueError(f"{field.name} is missing")
    return cls(**known)


def _convert(hint: Any, value: Any) -> Any:
    """The value as its hint has it; JSON has lists for tuples, and may write a float without its fraction."""
    kind = type(value)
    if kind is int and not -MOST_INTEGER <= value < MOST_INTEGER:
        raise ValueError("a whole number is out of range")
    if kind is hint or (hint is float and kind is int) or hint is Any:
        return value
    origin = typing.get_origin(hint)
    if origin is tuple and kind is list:
        entry, *rest = typing.get_args(hint)
        if rest and rest[0] is not Ellipsis:
            return _entries((entry, *rest), value)
        if entry in (float, str) and set(map(type, value)) <= {entry}:  # thousands may come at once
            return tuple(value)
        return tuple([_convert(entry, item) for item in value])
    if origin is typing.Literal:
        if value in typing.get_args(hint):
            return value
        raise ValueError(f"{_shown(value)} is none of {', '.join(map(repr, typing.get_args(hint)))}")
    if origin in (typing.Union, types.UnionType):
        return _first_fit(hint, value)
    if dataclasses.is_dataclass(hint):
        return _build(hint, value)
    raise ValueError(f"{_shown(value)} is no {getattr(hint, '__name__', hint)}")


def _entries(hints: tuple[Any, ...], values: list[Any]) -> tuple[Any, ...]:
    if len(values) != len(hints):
        raise ValueError(f"{_shown(values)} has {len(values)} entries, not {len(hints)}")
    return tuple(_convert(hint, value) for hint, value in zip(hints, values, strict=True))


def _first_fit(hint: Any, value: Any) -> Any:
    failure: ValueError | None = None
    for option in typing.get_args(hint):
        if option is type(None):
            if value is None:
                return None
            continue
        try:
            return _convert(option, value)
        except ValueError as error:
            failure = failure or error
    raise failure or ValueError(f"{_shown(value)} is no {hint}")


def _shown(value: object) -> str:
    text = repr(value) if not isinstance(value, dict | list) else f"a {type(value).__name__}"
    return text if len(text) <= 40 else f"{text[:37]}..."

"""Dataclasses back from the plain values that JSON gives."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from unstuck.record.facts import FactT
from unstuck.record.upgrade import upgraded

__all__ = ["from_plain"]


def from_plain(cls: type[FactT], values: dict[str, Any]) -> FactT:
    """Rebuild a fact from the JSON values of :func:`dataclasses.asdict`.

    Args:
        cls: The class of the fact.
        values: Its fields, as this or an earlier release names them; unknown ones are ignored, missing ones take their
            default.

    Returns:
        The fact, with lists turned back into tuples and mappings into their dataclasses.
    """
    return _build(cls, upgraded(cls.kind, values))


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _build(cls: Any, values: dict[str, Any]) -> Any:
    hints = _hints(cls)
    return cls(**{f.name: _convert(hints[f.name], values[f.name]) for f in fields(cls) if f.name in values})


def _convert(hint: Any, value: Any) -> Any:
    for option in typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,):
        if isinstance(value, list) and typing.get_origin(option) is tuple:
            entry = typing.get_args(option)[0]
            return tuple(_convert(entry, item) for item in value)
        if isinstance(value, dict) and is_dataclass(option):
            return _build(option, value)
    return value

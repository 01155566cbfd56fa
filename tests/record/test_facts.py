"""Every kind of fact survives its JSON, with all fields set and with those alone that it needs."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from typing import Any

import pytest

from unstuck.record.facts import KINDS, Fact
from unstuck.record.plain import from_plain


def example(hint: Any) -> Any:
    """A value of a type."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return arguments[-1]
    if typing.get_origin(hint) is tuple:
        return (example(arguments[0]),) * 2
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return example(arguments[0])
    if dataclasses.is_dataclass(hint):
        return build(hint)
    return {int: 3, float: 0.5, str: "x", bool: True}[hint]


def build(cls: Any, *, needed: bool = False) -> Any:
    hints = typing.get_type_hints(cls)
    return cls(
        **{
            field.name: example(hints[field.name])
            for field in dataclasses.fields(cls)
            if not needed or field.default is dataclasses.MISSING
        }
    )


@pytest.mark.parametrize("needed", [False, True])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_fact_survives_its_json(kind: type[Fact], needed: bool):
    fact = build(kind, needed=needed)
    back = from_plain(kind, json.loads(json.dumps(dataclasses.asdict(fact))))
    assert repr(back) == repr(fact)  # in which NaN equals itself


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_fact_says_what_it_is(kind: type[Fact]):
    assert KINDS[kind.kind] is kind
    assert kind.missing
    assert kind.__doc__

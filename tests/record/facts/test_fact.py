"""Every fact has a kind of its own, under which runs keep it."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import is_dataclass
from types import ModuleType

import pytest

from unstuck.errors import ArgumentError
from unstuck.record import facts
from unstuck.record.facts import KINDS, Fact

MODULES = [
    importlib.import_module(f"{facts.__name__}.{module.name}") for module in pkgutil.iter_modules(facts.__path__)
]


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> dict[str, type[Fact]]:
    """The kinds, restored afterwards."""
    monkeypatch.setitem(KINDS, "temperature", Fact)
    monkeypatch.delitem(KINDS, "temperature")
    return KINDS


def test_a_class_adds_itself(kinds: dict[str, type[Fact]]) -> None:
    class Temperature(Fact):
        kind = "temperature"

    assert kinds["temperature"] is Temperature


def test_a_second_class_of_a_kind_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"kind='loss' is that of unstuck\.record\.facts\.loss\.Loss"):

        class Another(Fact):
            kind = "loss"

    assert KINDS["loss"] is facts.Loss


def test_a_class_must_name_its_kind() -> None:
    with pytest.raises(ArgumentError, match="Nameless: kind=None; give each fact class a name of its own"):

        class Nameless(Fact):
            pass


def test_a_kind_is_not_inherited() -> None:
    """A run could not tell what it has read."""
    with pytest.raises(ArgumentError, match="Inheriting: kind=None"):

        class Inheriting(facts.Loss):
            pass


@pytest.mark.parametrize("module", MODULES, ids=[module.__name__ for module in MODULES])
def test_the_package_gives_all_that_its_modules_offer(module: ModuleType) -> None:
    for name in module.__all__:
        assert name in facts.__all__
        assert getattr(facts, name) is getattr(module, name)


def test_the_package_offers_nothing_else() -> None:
    assert sorted(facts.__all__) == sorted(name for module in MODULES for name in module.__all__)


@pytest.mark.parametrize("kind", [k for k, c in sorted(KINDS.items()) if c.__module__.startswith(facts.__name__)])
def test_facts_are_frozen_and_keyword_only(kind: str) -> None:
    cls = KINDS[kind]
    assert is_dataclass(cls)
    assert cls.__dataclass_params__.frozen
    assert all(field.kw_only for field in cls.__dataclass_fields__.values() if field.name not in ("kind", "missing"))

"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import unstuck

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "unstuck").rglob("*.py"))
OBSERVE = ROOT / "src" / "unstuck" / "observe"


def local_imports(tree: ast.AST) -> Iterator[str]:
    """Our own modules that are imported inside a function."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unstuck"):
                    yield f"line {node.lineno}: {node.module}"
                if isinstance(node, ast.Import):
                    yield from (f"line {node.lineno}: {a.name}" for a in node.names if a.name.startswith("unstuck"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_holds_one_concept(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 500, "more than one concept in a room: split it"
    if "cli" not in path.parts:
        assert not list(local_imports(ast.parse(text))), "import our own modules at the top"


@pytest.mark.parametrize("path", sorted(OBSERVE.rglob("*.py")), ids=lambda p: str(p.relative_to(OBSERVE)))
def test_a_module_that_watches_has_a_test_file_of_its_name(path):
    mirror = ROOT / "tests" / "observe" / path.relative_to(OBSERVE).parent / f"test_{path.name}"
    assert path.name == "__init__.py" or mirror.is_file(), f"write {mirror.relative_to(ROOT)}"


def test_the_observer_holds_no_more_than_what_joins_its_parts():
    assert len((OBSERVE / "observer.py").read_text(encoding="utf-8").splitlines()) < 300


def modules() -> list[str]:
    return [m.name for m in pkgutil.walk_packages(unstuck.__path__, "unstuck.") if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_public_names_exist_and_are_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} says nothing of itself"
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), f"{name}.__all__ names {public}, which does not exist"
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"{name}.{public} is not documented"


def test_causes_match_their_use():
    """Every cause that a rule names is in the vocabulary."""
    from unstuck.record import CAUSES
    from unstuck.rules import RULES

    assert {rule.cause for rule in RULES} <= set(CAUSES)

"""Containers that hold the very same objects are known again, and every other change is seen."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import pytest
import torch

from unstuck.optim import contents
from unstuck.optim.contents import Contents


def swap_list(items, values):
    items[0], items[1] = items[1], items[0]


def replace_equal(items, values):
    values["a"] = torch.ones(())


def reorder(items, values):
    values["a"] = values.pop("a")


CHANGES = {
    "a list is longer": lambda items, values: items.append(items[0]),
    "a list is shorter": lambda items, values: items.pop(),
    "a list is empty": lambda items, values: items.clear(),
    "items changed places": swap_list,
    "a value is another of equal worth": replace_equal,
    "a value is gone": lambda items, values: values.pop("b"),
    "a value is new": lambda items, values: values.update(c=torch.ones(())),
    "values changed places": reorder,
    "all values are gone": lambda items, values: values.clear(),
}


def held():
    values = defaultdict(dict)
    values["a"], values["b"] = torch.ones(()), torch.ones(3)
    return [torch.ones(()), torch.ones(()), torch.zeros(4)], values


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen(change, native):
    items, values = held()
    known = Contents([values, items, {}], native=native)
    assert known.unchanged()
    assert known.unchanged()
    change(items, values)
    assert not known.unchanged()


def test_compiled_code_does_the_work_where_it_can(monkeypatch):
    if contents.native_functions() is None:
        pytest.skip("no native functions here")
    known = Contents(held(), native=True)
    monkeypatch.setattr(contents, "_items", None)  # what Python would need
    assert known.unchanged()


def test_python_stands_in_where_there_are_no_native_functions(monkeypatch):
    monkeypatch.setattr(contents, "native_functions", lambda: None)
    items, values = held()
    known = Contents([items, values], native=True)
    assert known.unchanged()
    items.pop()
    assert not known.unchanged()


def test_the_comparison_is_compiled_once_for_all(monkeypatch):
    made = []
    monkeypatch.setattr(contents, "compiled", lambda *args, **options: made.append(1) or (lambda book: 1))
    monkeypatch.setattr(contents, "_compiled", cache(contents._compiled.__wrapped__))
    native = [Contents([["a"]], native=True) for _ in range(3)]
    assert all(one.unchanged() for one in native)
    assert len(made) <= 1  # none where there are no native functions

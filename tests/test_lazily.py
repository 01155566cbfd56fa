"""A name is imported when it is asked for, and not before."""

import subprocess
import sys

import pytest

from unstuck.lazily import imported_when_asked


def test_a_name_comes_from_its_home() -> None:
    from unstuck import train
    from unstuck.train.session import Trained

    assert train.Trained is Trained


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"'unstuck\.train' has no attribute 'trained'"):
        imported_when_asked("unstuck.train", {"Trained": "session"})("trained")


def test_a_search_for_the_rate_loads_neither_rules_nor_collectors_nor_numba() -> None:
    code = """
import sys, torch, unstuck
from unstuck.find_lr import find_in_recipe, Effort
from unstuck.train import Recipe
find_in_recipe(Recipe.read("digits"), effort=Effort(points=8, repeats=1, longest=8))
print(sorted({"numba", "unstuck.rules", "unstuck.observe.collectors", "unstuck.gradcheck"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr

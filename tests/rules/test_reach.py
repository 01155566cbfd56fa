"""What an activation can give, in numbers and in words."""

from __future__ import annotations

import math

import pytest

from unstuck.record.facts import OutputReach
from unstuck.rules.reach import bounds_of, name_of


def test_a_bound_that_is_not_there_is_infinite() -> None:
    assert bounds_of(OutputReach(operation="Tanh", lowest=-1.0, highest=1.0)) == (-1.0, 1.0)
    assert bounds_of(OutputReach(operation="Identity")) == (-math.inf, math.inf)


@pytest.mark.parametrize(("operation", "name"), [("Silu", "SiLU"), ("LeakyRelu", "leaky ReLU"), ("Softmax", "softmax")])
def test_activations_have_the_names_of_their_papers(operation: str, name: str) -> None:
    assert name_of(OutputReach(operation=operation)) == name

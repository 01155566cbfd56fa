from __future__ import annotations

import pytest

from unstuck.errors import ArgumentError
from unstuck.sweep.axis import Range
from unstuck.sweep.values import read_axis


@pytest.mark.parametrize(
    ("text", "values", "numbers"),
    [
        ("1e-4..1", (), Range(low=1e-4, high=1.0, log=True)),
        ("0, 1e-4..1e-1", (0,), Range(low=1e-4, high=1e-1, log=True)),
        ("0..0.5", (), Range(low=0.0, high=0.5, log=False)),
        ("8..512", (), Range(low=8.0, high=512.0, log=True, whole=True)),
        ("0.5,0.9, 0.95 ,0.99", (0.5, 0.9, 0.95, 0.99), None),
        ("[64], [128, 64]", ([64], [128, 64]), None),
        ("relu, tanh", ("relu", "tanh"), None),
        ('"a, b", c', ("a, b", "c"), None),
        ("true,false", (True, False), None),
        ("1,1,2", (1, 2), None),
        ('{name = "mlp", hidden = [8]}, {name = "linear"}', ({"name": "mlp", "hidden": [8]}, {"name": "linear"}), None),
    ],
)
def test_what_is_written_is_what_is_tried(text, values, numbers):
    axis = read_axis("key", text)
    assert (axis.values, axis.range) == (values, numbers)


def test_a_list_in_a_recipe_is_values():
    assert read_axis("optimizer.momentum", [0.5, 0.9]).values == (0.5, 0.9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1..1e-4", "the range is reversed; give 1e-4..1"),
        ("1..1", "the range is one point"),
        ("", "empty"),
        (" , ", "empty"),
        ("..", "needs a number at each end"),
        ("0.1..", "needs a number at each end"),
        ("low..high", "needs a number at each end"),
        ("nan..1", "finite numbers"),
        ("1e-3..inf", "finite numbers"),
        ("0.1", "one point leaves nothing to choose"),
        ("1..2, 3..4", "two ranges"),
    ],
)
def test_what_cannot_be_swept_is_one_message_that_names_the_key(text, said):
    with pytest.raises(ArgumentError, match=r"^optimizer\.lr=") as error:
        read_axis("optimizer.lr", text)
    assert said in str(error.value)

from __future__ import annotations

import pytest

from unstuck.errors import ArgumentError
from unstuck.sweep import read_space
from unstuck.sweep.presets import PRESETS, preset

NEEDED = {"optimizer.momentum": ["optimizer={name='momentum', lr=0.1}"], "model.name": []}


@pytest.mark.parametrize("key", PRESETS)
def test_usual_values_are_accepted_by_a_recipe(key):
    recipe = "digits" if key == "model.name" else "mlp"
    space = read_space(recipe, over=[key], overrides=NEEDED.get(key, []))
    assert len(space.axes[0].coarse) > 1


def test_weight_decay_begins_with_none_and_goes_by_tens_around_one():
    axis = preset("optimizer.weight_decay")
    assert axis.coarse == (0.0, 0.1, 1.0, 10.0)
    assert axis.range is not None
    assert axis.range.open


def test_a_key_without_usual_values_says_which_have_them():
    with pytest.raises(ArgumentError, match=r"train\.l3: no values.*optimizer\.momentum"):
        preset("train.l3")

from __future__ import annotations

import pytest

from unstuck.confirm.process import _recipe
from unstuck.confirm.trial import Plan
from unstuck.remedies import changed, effects


@pytest.mark.parametrize("factor", [2.0, 4.0])
def test_a_recipe_that_is_made_longer_has_more_epochs(factor):
    effects.begin(["more-steps"])
    longer = Plan(name="", recipe="seed = 3\n[train]\nepochs = 5\n", changes=(("more-steps", {"factor": factor}),))
    assert _recipe(longer).train.epochs == 5 * factor
    assert changed()


def test_another_draw_of_a_recipe_has_another_seed_and_is_as_long():
    effects.begin(["more-steps"])
    again = _recipe(Plan(name="", recipe="seed = 3\n[train]\nepochs = 5\n", seed=2))
    assert (again.seed, again.train.epochs) == (5, 5)
    assert not changed()

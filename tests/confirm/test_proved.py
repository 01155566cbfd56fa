from __future__ import annotations

import pytest

from unstuck.confirm.edit import EditError
from unstuck.record import facts


def group(rate):
    return facts.ParameterGroup(parameters=1, learning_rate=rate)


def test_what_is_known_of_the_program(programs):
    optimizer = facts.Optimizer(type="SGD", groups=(group(0.1), group(0.1)), file=programs.file, line=5)
    change = programs.proved("a = 1\n", {"rate": 1.0}, optimizer, args=("--fast",), other="b = 2\n")
    assert change.args == ("--fast",)
    assert [source.text[-6:] for source in change.sources] == ["a = 1\n", "b = 2\n"]
    assert change.made == (change.sources[0], 5)
    assert change.was(lambda one: one.learning_rate) == 0.1
    assert change.layers == ()
    with pytest.raises(EditError, match="the line is not known"):
        _ = change.found


def test_groups_that_differ_have_no_constant(programs):
    change = programs.proved("", {}, facts.Optimizer(type="SGD", groups=(group(0.1), group(0.2))))
    assert change.was(lambda one: one.learning_rate) is None

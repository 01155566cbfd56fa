"""A recorded program computes what the rule computes."""

from __future__ import annotations

import pytest

from unstuck.optim.arithmetic import maximum, sqrt, where
from unstuck.optim.symbols import record


def rule(elements, constants):
    w, g, m = elements
    beta, t = constants["beta"], constants["t"]
    m = beta * m + (1 - beta) * g
    scale = where(t > 5, sqrt(m * m) + 1.0, 2.0)
    return [-w / (1 - beta**t) - 3 * maximum(m, g) / scale, m]


@pytest.mark.parametrize("t", [3, 7])
def test_a_program_gives_the_values_of_its_rule(t):
    program = record(rule, ("w", "g", "m"), ("beta", "t"))
    names = {
        "w": 1.5, "g": -0.3, "m": 0.7, "sqrt": lambda x: x**0.5, "maximum": max,
        "select": lambda c, x, y: x if c else y,
        **{f"c{k}": value for k, value in enumerate(program.evaluator()(0.9, t))},
    }  # fmt: skip
    exec("\n".join(program.lines), names)
    expected = rule((1.5, -0.3, 0.7), {"beta": 0.9, "t": t})
    assert [names[result] for result in program.results] == pytest.approx(expected, rel=1e-14)


def test_constants_leave_the_loop():
    program = record(lambda e, c: [e[0] / (1 - c["beta"] ** c["t"])], ("w",), ("beta", "t"))
    assert program.lines == ["x0 = w * c0"]
    assert program.evaluator()(0.5, 2) == (1 / 0.75,)


def test_a_rule_may_not_branch_on_values():
    with pytest.raises(TypeError, match="where"):
        record(lambda e, c: [e[0] if c["t"] > 1 else -e[0]], ("w",), ("t",))

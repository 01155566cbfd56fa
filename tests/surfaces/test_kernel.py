from __future__ import annotations

from unstuck.surfaces import SURFACES, Entry
from unstuck.surfaces.kernel import compile_surface, loop_source


def test_the_loop_holds_the_lines_of_the_optimizers_own_rule():
    optimizer = Entry.parse("adam lr=0.1").optimizer((0.0, 0.0))
    rule = optimizer.rule(optimizer.param_groups[0])
    source = loop_source(rule, ahead=False)
    for line in rule.program().lines:
        assert source.count(f"        {line}\n") == 2


def test_a_look_ahead_takes_the_gradient_where_the_velocity_leads():
    optimizer = Entry.parse("look-ahead-nesterov").optimizer((0.0, 0.0))
    rule = optimizer.rule(optimizer.param_groups[0])
    assert "height(w0 + velocity0 * momentum, w1 + velocity1 * momentum)" in loop_source(rule, ahead=True)


def test_a_surface_gives_loss_and_gradient():
    height, _ = compile_surface(SURFACES["bowl"])
    assert tuple(height(1.0, 2.0)) == (40.5, 1.0, 40.0)

from __future__ import annotations

import math

from tests.sweep.formula import SMALL, outcome
from tests.sweep.results import result
from unstuck.sweep import read_space
from unstuck.sweep.landscape import HEIGHT, WIDTH, landscape


def test_the_loss_is_drawn_over_the_two_ranges_with_every_try(space):
    found = result(space)
    drawn = landscape(found)
    assert drawn is not None
    assert drawn.axes == ("optimizer.lr", "optimizer.weight_decay")
    assert len(drawn.dots) == len(found.tried)
    assert sum(dot.kind == "stopped" for dot in drawn.dots) == 4
    assert drawn.dots[-1].kind == "best"
    assert all(0 <= dot.x <= WIDTH for dot in drawn.dots)
    assert all(0 <= dot.y <= HEIGHT for dot in drawn.dots)
    least = min(one.outcome.loss for one in found.tried if one.outcome.kept)
    assert math.isclose(drawn.low, least, rel_tol=0.05)
    assert any(drawn.lines)
    assert drawn.image.startswith("data:image/png")


def test_tries_on_a_line_span_no_surface(space):
    one = read_space("mlp", over=["optimizer.lr=1e-3..1"], overrides=SMALL)
    assert landscape(result(one)) is None
    assert landscape(result(space, lambda a: outcome(reason="pruned", loss=float("nan")))) is None

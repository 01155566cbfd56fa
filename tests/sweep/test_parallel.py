from __future__ import annotations

from tests.sweep.formula import outcome
from tests.sweep.results import result
from unstuck.sweep import Result
from unstuck.sweep.parallel import parallel


def test_each_try_is_a_line_through_its_values(space):
    found = result(space)
    drawn = parallel(found)
    assert drawn is not None
    assert [column.name for column in drawn.columns] == [*space.keys, "validation accuracy"]
    assert len(drawn.threads) == len(found.tried)
    assert all(thread.points.count(",") == 3 for thread in drawn.threads)
    assert drawn.threads[-1].tone == "best"
    assert sum(thread.tone == "stopped" for thread in drawn.threads) == 4
    for thread in drawn.threads:
        for pair in thread.points.split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= drawn.width
            assert drawn.top <= y <= drawn.bottom


def test_the_best_ends_at_the_top(space):
    drawn = parallel(result(space))
    assert drawn.threads[-1].points.endswith(f",{drawn.top}.0")
    losses = parallel(result(space, lambda attempt: outcome(None, attempt.setting["optimizer.lr"])))
    assert losses.columns[-1].name == "validation loss"
    assert "optimizer.lr=0.001" in losses.threads[-1].said


def test_without_tries_there_is_nothing_to_draw(space):
    assert parallel(Result.of(space, {}, strategy="", finished=False)) is None

from __future__ import annotations

from tests.confirm.conftest import RATE, losses
from unstuck.confirm.figure import figure
from unstuck.report.comparison import picture


def test_the_control_and_what_was_tried(make):
    trials = [
        make("control-seed0", losses(2.3, 2.3)),
        make("rate-seed0", losses(2.3, 0.01), changes=RATE),
        make("rate-seed1", losses(2.3, 0.01, seed=1), changes=RATE, seed=1),
    ]
    chart = figure(trials)
    assert chart is not None
    assert [strand.name for strand in chart.strands] == ["unchanged", "with the rate at 0.1"]
    assert [strand.reference for strand in chart.strands] == [True, False]
    assert chart.log
    assert len(chart.strands[0].x) == 60
    assert chart.strands[1].y[-1] < 0.05


def test_the_best_is_drawn_first(make):
    trials = [make("control-seed0", losses(2.3, 2.3))]
    trials += [
        make(f"r{i}-seed0", losses(2.3, 0.2 if i == 7 else 2.0, seed=i), changes=(("r", {"x": i}),), turn=i)
        for i in range(8)
    ]
    chart = figure(trials)
    assert chart is not None
    assert len(chart.strands) == 7
    assert chart.strands[1].y[-1] < 0.5


def test_its_neighbours_come_behind_it(make):
    others = [(f"r{i}", 2.0, (("other", {"x": i}),), i) for i in range(6)]
    rates = [
        ("a", 0.3, ((RATE[0][0], {"rate": 0.3}),), 6),
        ("b", 0.1, RATE, 7),
        ("c", 0.4, ((RATE[0][0], {"rate": 0.03}),), 8),
    ]
    trials = [make("control-seed0", losses(2.3, 2.3))]
    trials += [
        make(name, losses(2.3, end, seed=turn), changes=changes, turn=turn)
        for name, end, changes, turn in (*others, *rates)
    ]
    chart = figure(trials)
    assert chart is not None
    assert [strand.y[-1] < 0.6 for strand in chart.strands] == [False, True, True, True, False, False, False]
    assert chart.strands[1].y[-1] == min(strand.y[-1] for strand in chart.strands)


def test_one_that_explodes_leaves_the_picture(make):
    trials = [
        make("control-seed0", losses(2.3, 1e30)),
        make("rate-seed0", losses(2.3, 0.01), changes=RATE),
    ]
    chart = figure(trials)
    assert chart is not None
    assert chart.top is not None
    assert 2.3 < chart.top < 100.0 * 2.3
    drawn = picture(chart)
    assert "unchanged" in drawn.beyond
    assert all("e+" not in tick.text for tick in drawn.up)


def test_without_trials_there_is_none(make):
    assert figure([]) is None
    assert figure([make("rate-seed0", losses(2.3, 0.1), changes=RATE)]) is None

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from unstuck.schedules import ReduceLROnPlateau

METRICS = [3.0, 2.0, 2.1, 2.2, 2.0, 1.9, 1.95, 1.99, 2.5, 2.5, 2.5, 2.5, float("nan"), 2.5, 0.1, 0.2, 0.3, 0.4, 0.5]


def sgd(*rates):
    return torch.optim.SGD([{"params": [torch.zeros(1)], "lr": rate} for rate in rates], lr=0.1)


def drive(schedule, metrics):
    seen = []
    for metric in metrics:
        schedule.step(metric)
        seen.append([float(group["lr"]) for group in schedule.optimizer.param_groups])
    return seen


@settings(deadline=None, max_examples=50)
@given(
    metrics=st.lists(st.floats(-10, 10), min_size=1, max_size=60),
    mode=st.sampled_from(["min", "max"]),
    patience=st.integers(0, 4),
    cooldown=st.integers(0, 3),
    threshold_mode=st.sampled_from(["rel", "abs"]),
)
def test_equals_torch(metrics, mode, patience, cooldown, threshold_mode):
    settings = {
        "mode": mode,
        "factor": 0.5,
        "patience": patience,
        "cooldown": cooldown,
        "threshold_mode": threshold_mode,
    }
    theirs = lr_scheduler.ReduceLROnPlateau(sgd(1.0, 0.3), min_lr=0.01, **settings)
    ours = ReduceLROnPlateau(sgd(1.0, 0.3), min_lr=0.01, **settings)
    expected = drive(theirs, metrics)
    foretold = ours.curve(metrics, group=1)
    assert drive(ours, metrics) == expected
    assert np.array_equal(foretold[1:], np.array(expected)[:, 1])


def test_curve_touches_nothing_and_starts_afresh():
    schedule = ReduceLROnPlateau(sgd(1.0), patience=1, warmup_steps=3)
    fresh = schedule.curve(METRICS)
    drive(schedule, METRICS[:9])
    before = copy.deepcopy(schedule.state_dict()), schedule.optimizer.param_groups[0]["lr"]
    assert np.array_equal(schedule.curve(METRICS), fresh)
    assert before == (schedule.state_dict(), schedule.optimizer.param_groups[0]["lr"])


def test_warmup_climbs_meets_the_peak_and_then_watches():
    schedule = ReduceLROnPlateau(sgd(1.0), factor=0.5, patience=0, warmup_steps=3)
    np.testing.assert_allclose(schedule.curve([9.0] * 6), [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.25])


@pytest.mark.parametrize("stop", [0, 2, 7, 12])
def test_resume_equals_uninterrupted(stop):
    def build():
        return ReduceLROnPlateau(sgd(1.0, 0.3), factor=0.5, patience=1, warmup_steps=4)

    expected = drive(build(), METRICS)
    first, second = build(), build()
    seen = drive(first, METRICS[:stop])
    second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert seen + drive(second, METRICS[stop:]) == expected


@pytest.mark.parametrize("stop", [0, 2, 5, 6, 12])
@pytest.mark.parametrize("schedule_first", [False, True])
@pytest.mark.parametrize("by_hand", [2, 6])
def test_resume_is_exact_in_either_order_also_after_a_rate_was_set_by_hand(stop, schedule_first, by_hand):
    def build():
        return ReduceLROnPlateau(sgd(1.0, 0.3), factor=0.5, patience=1, warmup_steps=4)

    def go_on(schedule, first, last):
        seen = []
        for step in range(first, last):
            seen += drive(schedule, METRICS[step : step + 1])
            if step + 1 == by_hand:
                schedule.optimizer.param_groups[0]["lr"] = 0.17
        return seen

    expected = go_on(build(), 0, len(METRICS))
    assert expected[by_hand][0] != expected[by_hand - 1][0]
    first = build()
    seen = go_on(first, 0, stop)
    optimizer = sgd(1.0, 0.3)
    if not schedule_first:
        optimizer.load_state_dict(first.optimizer.state_dict())
    second = ReduceLROnPlateau(optimizer, factor=0.5, patience=1, warmup_steps=4)
    second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    if schedule_first:
        optimizer.load_state_dict(first.optimizer.state_dict())
    assert seen + go_on(second, stop, len(METRICS)) == expected


def test_a_rate_set_by_hand_during_the_climb_moves_the_peak():
    schedule = ReduceLROnPlateau(sgd(1.0), warmup_steps=3)
    schedule.step(1.0)
    schedule.optimizer.param_groups[0]["lr"] = 0.1  # half of the climb is done
    np.testing.assert_allclose(np.ravel(drive(schedule, [1.0] * 3)), [0.15, 0.2, 0.2])


def test_a_rate_set_by_hand_after_the_climb_is_cut_as_torch_cuts_it():
    schedule = ReduceLROnPlateau(sgd(1.0), factor=0.5, patience=0, warmup_steps=1)
    drive(schedule, [1.0, 1.0])
    schedule.optimizer.param_groups[0]["lr"] = 0.1
    assert np.ravel(drive(schedule, [1.0])).tolist() == [0.05]


def test_tensor_rate_is_written_in_place():
    rate = torch.tensor(1.0)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=rate)
    schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=0, warmup_steps=1)
    held = optimizer.param_groups[0]["lr"]
    drive(schedule, [1.0, 1.0, 1.0])
    assert optimizer.param_groups[0]["lr"] is held
    assert held.item() == 0.5


@pytest.mark.parametrize(
    "arguments",
    [{"mode": "low"}, {"threshold_mode": "r"}, {"factor": 1.0}, {"patience": -1}, {"min_lr": -1}, {"eps": -1}],
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=rf"{next(iter(arguments))} must be"):
        ReduceLROnPlateau(sgd(1.0), **arguments)


def test_bad_metric_and_state():
    schedule = ReduceLROnPlateau(sgd(1.0))
    with pytest.raises(TypeError, match="metrics must be a number or a tensor of one element, got 'low'"):
        schedule.step("low")
    with pytest.raises(ValueError, match="not that of a ReduceLROnPlateau"):
        schedule.load_state_dict({"last_epoch": 3})


def test_draws_itself(tmp_path):
    pytest.importorskip("matplotlib")
    schedule = ReduceLROnPlateau(sgd(1.0, 0.3, 1.0), patience=2)
    picture = schedule.plot()
    assert len([line for line in picture.axes[0].lines if len(line.get_xdata()) > 1]) == 2
    picture.savefig(tmp_path / "plateau.png")

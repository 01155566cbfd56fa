"""What every schedule must do, whatever its formula."""

import copy
import io
import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from unstuck import schedules
from unstuck.schedules import (
    ChainedScheduler,
    CosineAnnealingLR,
    ExponentialLR,
    FixedLR,
    FixedMomentum,
    InverseSquareRootLR,
    InverseTimeLR,
    LinearMomentum,
    Schedule,
    SequentialLR,
    StepLR,
    SutskeverMomentum,
    Warmup,
)


def sgd(*rates, momentum=0.9):
    groups = [{"params": [torch.zeros(2, requires_grad=True)], "lr": rate} for rate in rates or (0.1,)]
    return torch.optim.SGD(groups, lr=0.1, momentum=momentum)


SIMPLE = {
    "fixed": FixedLR,
    "step": lambda o: StepLR(o, 3, 0.5),
    "step by epoch": lambda o: StepLR(o, 2, 0.5, steps_per_epoch=4),
    "exponential": lambda o: ExponentialLR(o, 0.95),
    "e^-kt": lambda o: ExponentialLR(o, rate=0.1),
    "1/t": lambda o: InverseTimeLR(o, 0.3),
    "inverse root": lambda o: InverseSquareRootLR(o, 5),
    "inverse root, paper's scale": lambda o: InverseSquareRootLR(o, 5, 64),
    "cosine": lambda o: CosineAnnealingLR(o, 12, 0.01),
}
COMBINED = {
    "warm-up": lambda o: Warmup(CosineAnnealingLR(o, 12), steps=4),
    "sequence": lambda o: SequentialLR(o, [FixedLR(o), Warmup(StepLR(o, 2), steps=3), ExponentialLR(o, 0.9)], [3, 9]),
    "chain": lambda o: ChainedScheduler([Warmup(FixedLR(o), steps=3), StepLR(o, 1, 0.5, steps_per_epoch=5)]),
}
MOMENTUM = {
    "fixed momentum": FixedMomentum,
    "linear momentum": lambda o: LinearMomentum(o, 12),
    "stairs": lambda o: SutskeverMomentum(o, 0.9, 3),
    "momenta in sequence": lambda o: SequentialLR(o, [LinearMomentum(o, 4), FixedMomentum(o)], [6]),
}
ALL = SIMPLE | COMBINED | MOMENTUM
every_schedule = pytest.mark.parametrize("build", ALL.values(), ids=ALL.keys())


def advance(optimizer, schedule, steps):
    """Take steps as a training loop does, and return what each group had at each of them."""
    seen = []
    for _ in range(steps):
        seen.append([(float(group["lr"]), float(group["momentum"])) for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return seen


@every_schedule
def test_curve_foretells_what_the_optimizer_gets_and_touches_nothing(build):
    optimizer = sgd(0.1, 0.7)
    schedule = build(optimizer)
    before = copy.deepcopy(schedule.state_dict()), copy.deepcopy(optimizer.state_dict())
    foretold = [schedule.curve(30, group=group) for group in range(2)]
    assert before == (schedule.state_dict(), optimizer.state_dict())
    seen = np.array(advance(optimizer, schedule, 30))[:, :, 1 if schedule.quantity == "momentum" else 0]
    assert np.array_equal(np.stack(foretold, axis=1), seen)


@every_schedule
@pytest.mark.parametrize("stop", [0, 1, 7, 13])
def test_resumed_run_repeats_the_uninterrupted_one_bit_for_bit(build, stop):
    optimizer = sgd(0.1, 0.7)
    uninterrupted = advance(optimizer, build(optimizer), 30)
    first = sgd(0.1, 0.7)
    schedule = build(first)
    seen = advance(first, schedule, stop)
    saved = io.BytesIO()
    torch.save({"optimizer": first.state_dict(), "schedule": schedule.state_dict()}, saved)
    saved.seek(0)
    # weights_only is the default: the state must be made of plain values.
    state = torch.load(saved)
    second = sgd(0.1, 0.7)
    resumed = build(second)
    resumed.load_state_dict(state["schedule"])
    second.load_state_dict(state["optimizer"])
    with warnings.catch_warnings():
        # torch notices only that this new optimizer has not stepped yet.
        warnings.filterwarnings("ignore", message="Detected call of")
        assert seen + advance(second, resumed, 30 - stop) == uninterrupted


@every_schedule
def test_loading_the_schedule_alone_restores_the_value(build):
    optimizer = sgd(0.1, 0.7)
    schedule = build(optimizer)
    advance(optimizer, schedule, 8)
    fresh = sgd(0.1, 0.7)
    build(fresh).load_state_dict(schedule.state_dict())
    for group, expected in zip(fresh.param_groups, optimizer.param_groups, strict=True):
        assert (group["lr"], group["momentum"]) == (expected["lr"], expected["momentum"])


@every_schedule
def test_saved_bases_win_over_those_of_the_new_optimizer(build):
    optimizer, other = sgd(0.1, 0.7), sgd(5.0, 6.0, momentum=0.2)
    schedule, resumed = build(optimizer), build(other)
    resumed.load_state_dict(schedule.state_dict())
    for group in range(2):
        assert np.array_equal(resumed.curve(20, group=group), schedule.curve(20, group=group))


@every_schedule
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_pickled_and_copied_schedules_go_on(build, duplicate):
    optimizer = sgd(0.1, 0.7)
    schedule = build(optimizer)
    advance(optimizer, schedule, 4)
    twin_optimizer, twin = duplicate((optimizer, schedule))
    assert twin.optimizer is twin_optimizer
    assert advance(twin_optimizer, twin, 10) == advance(optimizer, schedule, 10)


@every_schedule
def test_tensor_rate_is_written_in_place(build):
    rate = torch.tensor(0.5, dtype=torch.float64)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate, momentum=0.9)
    held = optimizer.param_groups[0]["lr"]
    schedule = build(optimizer)
    assert float(held) == (schedule.curve(1)[0] if schedule.quantity == "lr" else 0.5)
    expected = schedule.curve(6)[5] if schedule.quantity == "lr" else 0.5
    advance(optimizer, schedule, 5)
    assert optimizer.param_groups[0]["lr"] is held
    assert float(held) == expected


@pytest.mark.parametrize("build", MOMENTUM.values(), ids=MOMENTUM.keys())
def test_momentum_schedule_sets_the_first_beta_and_leaves_rate_and_second_beta(build):
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.3, betas=(0.8, 0.95))
    schedule = build(optimizer)
    expected = schedule.curve(10)
    for n in range(10):
        assert optimizer.param_groups[0]["betas"] == (expected[n], 0.95)
        assert schedule.get_last_momentum() == [expected[n]]
        assert schedule.get_last_lr() == [0.3]
        optimizer.step()
        schedule.step()


def test_momentum_schedule_writes_into_a_tensor_beta():
    betas = (torch.tensor(0.8), torch.tensor(0.95))
    optimizer = torch.optim.Adam([torch.zeros(1)], lr=torch.tensor(0.3), betas=betas, foreach=False, capturable=True)
    LinearMomentum(optimizer, 4, 0.25, 0.75)
    assert optimizer.param_groups[0]["betas"][0].item() == 0.25


def test_rate_and_momentum_schedules_work_side_by_side():
    optimizer = sgd(0.8)
    rate, momentum = StepLR(optimizer, 1, 0.5), LinearMomentum(optimizer, 2, 0.5, 0.9)
    seen = []
    for _ in range(3):
        seen.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        rate.step()
        momentum.step()
    assert np.allclose(seen, [(0.8, 0.5), (0.4, 0.7), (0.2, 0.9)])


@pytest.mark.parametrize("module", [schedules, lr_scheduler])
def test_group_added_later_goes_on_from_its_own_rate(module):
    optimizer = sgd(0.8)
    schedule = module.StepLR(optimizer, 1, 0.5)
    advance(optimizer, schedule, 1)
    optimizer.add_param_group({"params": [torch.zeros(1, requires_grad=True)], "lr": 4.0, "initial_lr": 4.0})
    advance(optimizer, schedule, 1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 2.0]
    advance(optimizer, schedule, 1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 1.0]


@pytest.mark.parametrize("build", SIMPLE.values(), ids=SIMPLE.keys())
def test_torchs_own_sequence_can_hold_our_schedules(build):
    optimizer, other = sgd(0.4), sgd(0.4)
    theirs = lr_scheduler.SequentialLR(optimizer, [FixedLR(optimizer), build(optimizer)], milestones=[5])
    ours = SequentialLR(other, [FixedLR(other), build(other)], milestones=[5])
    assert advance(optimizer, theirs, 20) == advance(other, ours, 20)


@settings(deadline=None, max_examples=60)
@given(
    base=st.floats(0, 1e3),
    step_size=st.integers(1, 50),
    gamma=st.floats(0, 1),
    rate=st.floats(0, 10),
    floor=st.floats(0, 10),
    warmup=st.integers(1, 40),
    start=st.none() | st.floats(0, 1),
    per_epoch=st.integers(1, 7),
)
def test_values_are_never_negative_and_warmup_meets_the_peak(
    base, step_size, gamma, rate, floor, warmup, start, per_epoch
):
    for build in (
        FixedLR,
        lambda o: StepLR(o, step_size, gamma, steps_per_epoch=per_epoch),
        lambda o: ExponentialLR(o, gamma, steps_per_epoch=per_epoch),
        lambda o: ExponentialLR(o, rate=rate),
        lambda o: InverseTimeLR(o, rate),
        lambda o: InverseSquareRootLR(o, warmup),
        lambda o: InverseSquareRootLR(o, warmup, 512),
        lambda o: CosineAnnealingLR(o, step_size, floor),
        lambda o: LinearMomentum(o, step_size),
        lambda o: SutskeverMomentum(o, stair=step_size),
    ):
        schedule = build(sgd(base))
        warmed = Warmup(schedule, steps=warmup, start_factor=start)
        plain, curve = schedule.curve(100), warmed.curve(100)
        assert (plain >= 0).all()
        assert (curve >= 0).all()
        assert curve[warmup] == plain[0]
        assert np.array_equal(curve[warmup:], plain[: 100 - warmup])
        assert (np.diff(curve[: warmup + 1]) >= 0).all()


@pytest.mark.parametrize("stop", [0, 1, 9])
def test_state_passes_both_ways_between_torch_and_us(stop):
    pairs = [
        (lambda o: StepLR(o, 3, 0.5), lambda o: lr_scheduler.StepLR(o, 3, 0.5)),
        (lambda o: ExponentialLR(o, 0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
        (lambda o: CosineAnnealingLR(o, 30, 0.01), lambda o: lr_scheduler.CosineAnnealingLR(o, 30, 0.01)),
    ]
    for ours, theirs in pairs:
        for first, second in ((ours, theirs), (theirs, ours)):
            expected_optimizer, optimizer, resumed_optimizer = sgd(0.3, 0.5), sgd(0.3, 0.5), sgd(0.3, 0.5)
            expected = advance(expected_optimizer, theirs(expected_optimizer), 20)
            schedule = first(optimizer)
            seen = advance(optimizer, schedule, stop)
            resumed = second(resumed_optimizer)
            resumed.load_state_dict(schedule.state_dict())
            resumed_optimizer.load_state_dict(optimizer.state_dict())
            resumed_optimizer.step()
            seen += advance(resumed_optimizer, resumed, 20 - stop)
            np.testing.assert_allclose(seen, expected, rtol=1e-12)


def test_state_of_another_schedule_is_refused():
    optimizer = sgd()
    with pytest.raises(ValueError, match=r"not that of a StepLR .*missing keys \['step_size'\]"):
        StepLR(optimizer, 3).load_state_dict(ExponentialLR(optimizer, 0.9).state_dict())
    with pytest.raises(ValueError, match=r"unexpected keys \['step_size'\]"):
        ExponentialLR(optimizer, 0.9).load_state_dict(StepLR(optimizer, 3).state_dict())
    with pytest.raises(ValueError, match=r"not that of a Warmup of 1 parts"):
        Warmup(FixedLR(optimizer), steps=2).load_state_dict(FixedLR(optimizer).state_dict())


def test_bad_input_names_argument_and_value():
    with pytest.raises(TypeError, match=r"optimizer must be a torch.optim.Optimizer, got list"):
        FixedLR([torch.zeros(1)])
    with pytest.raises(ValueError, match=r"steps_per_epoch must be at least 1, got 0"):
        StepLR(sgd(), 3, steps_per_epoch=0)
    with pytest.raises(TypeError, match=r"steps must be a whole number, got 2.5"):
        FixedLR(sgd()).curve(2.5)
    with pytest.raises(ValueError, match=r"'momentum' or 'betas'"):
        FixedMomentum(torch.optim.Adagrad([torch.zeros(1)]))
    with pytest.raises(KeyError, match="initial_lr"):
        StepLR(torch.optim.SGD([torch.zeros(1)], lr=0.1), 3, last_epoch=4)


def test_resuming_by_last_epoch_as_torch_does():
    optimizer = sgd(0.4)
    for group in optimizer.param_groups:
        group["initial_lr"] = 0.4
    StepLR(optimizer, 2, 0.5, last_epoch=3)
    assert optimizer.param_groups[0]["lr"] == 0.1


@every_schedule
def test_each_draws_itself(build, tmp_path):
    pytest.importorskip("matplotlib")
    schedule = build(sgd(0.1, 0.7))
    picture = schedule.plot()
    (axes,) = picture.axes
    drawn = [line for line in axes.lines if len(line.get_xdata()) > 1]
    same_base = schedule.quantity == "momentum"
    assert len(drawn) == (1 if same_base else 2)
    assert np.array_equal(drawn[0].get_ydata(), schedule.curve(len(drawn[0].get_ydata())))
    picture.savefig(tmp_path / "schedule.png")
    assert 10 <= len(schedule.sparkline()) <= 60


def test_all_lists_the_public_names():
    public = {name for name, value in vars(schedules).items() if isinstance(value, type)}
    assert public == set(schedules.__all__)
    assert issubclass(Schedule, lr_scheduler.LRScheduler)

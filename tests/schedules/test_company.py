"""Schedules that are not alone with the rate: other schedulers, the user's hand, in the order of torch's own."""

import io
import itertools
import warnings

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from unstuck import schedules
from unstuck.schedules import (
    ChainedScheduler,
    CosineAnnealingLR,
    ExponentialLR,
    FixedLR,
    FixedMomentum,
    InverseSquareRootLR,
    LinearMomentum,
    Schedule,
    SequentialLR,
    StepLR,
    SutskeverMomentum,
    Warmup,
)

KINDS = {
    "step": lambda module: lambda o: module.StepLR(o, 3, 0.5),
    "exponential": lambda module: lambda o: module.ExponentialLR(o, 0.9),
    "cosine": lambda module: lambda o: module.CosineAnnealingLR(o, 8),
    "cosine with a floor": lambda module: lambda o: module.CosineAnnealingLR(o, 8, 0.003),
}
THEIRS = {
    "constant": lambda o: lr_scheduler.ConstantLR(o, 0.1, 3),
    "linear": lambda o: lr_scheduler.LinearLR(o, 0.2, total_iters=5),
    "lambda": lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 0.97),
    "step": lambda o: lr_scheduler.StepLR(o, 4, 0.3),
}
PAIRS = list(itertools.product(KINDS, THEIRS))


def sgd(*rates, momentum=0.9):
    groups = [{"params": [torch.zeros(2, requires_grad=True)], "lr": rate} for rate in rates or (0.05,)]
    return torch.optim.SGD(groups, lr=0.05, momentum=momentum)


def rates(optimizer):
    return [float(group["lr"]) for group in optimizer.param_groups]


def advance(optimizer, schedule, steps, by_hand=None):
    """Take steps; ``by_hand`` has the rates that the user sets after a step, by its number."""
    seen = []
    for step in range(steps):
        seen.append(rates(optimizer))
        optimizer.step()
        schedule.step()
        if by_hand and step in by_hand:
            for group in optimizer.param_groups:
                if isinstance(group["lr"], torch.Tensor):
                    group["lr"].fill_(by_hand[step])
                else:
                    group["lr"] = by_hand[step]
    return seen


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("ours_first", [False, True])
@pytest.mark.parametrize("container", ["chain", "side by side"])
def test_chains_with_torchs_schedulers_as_torchs_own(ours, theirs, ours_first, container):
    seen = []
    for module in (lr_scheduler, schedules):
        optimizer = sgd(0.05, 0.4)
        builders = [KINDS[ours](module), THEIRS[theirs]]
        parts = [build(optimizer) for build in (builders if ours_first else builders[::-1])]
        if container == "chain":
            seen.append(advance(optimizer, lr_scheduler.ChainedScheduler(parts), 30))
            continue
        seen.append([])
        for _ in range(30):
            seen[-1].append(rates(optimizer))
            optimizer.step()
            for part in parts:
                part.step()
    np.testing.assert_allclose(seen[1], seen[0], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(KINDS, 2)))
def test_two_of_ours_chain_under_torch_as_two_of_torchs(first, second):
    seen = []
    for module in (lr_scheduler, schedules):
        optimizer = sgd(0.05, 0.4)
        parts = [KINDS[first](module)(optimizer), KINDS[second](module)(optimizer)]
        seen.append(advance(optimizer, lr_scheduler.ChainedScheduler(parts), 30))
    np.testing.assert_allclose(seen[1], seen[0], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("ours_first", [False, True])
def test_follows_in_torchs_sequence_as_torchs_own(ours, theirs, ours_first):
    seen = []
    for module in (lr_scheduler, schedules):
        optimizer = sgd(0.05, 0.4)
        builders = [KINDS[ours](module), THEIRS[theirs]]
        parts = [build(optimizer) for build in (builders if ours_first else builders[::-1])]
        seen.append(advance(optimizer, lr_scheduler.SequentialLR(optimizer, parts, [7]), 30))
    np.testing.assert_allclose(seen[1], seen[0], rtol=1e-9, atol=1e-15)


def test_a_combination_of_ours_is_a_part_like_any_other():
    optimizer = sgd(0.4)
    constant = lr_scheduler.ConstantLR(optimizer, 0.1, 3)
    warmed = Warmup(ExponentialLR(optimizer, 0.5), steps=3)
    seen = advance(optimizer, lr_scheduler.ChainedScheduler([constant, warmed]), 6)
    np.testing.assert_allclose(seen, np.array([[0.01], [0.02], [0.03], [0.4], [0.2], [0.1]]), rtol=1e-12)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_parts_leave_the_base_to_their_combination_in_whatever_order_they_were_built(order):
    builders = [lambda o: InverseSquareRootLR(o, 4), lambda o: Warmup(FixedLR(o), steps=3), lambda o: StepLR(o, 2)]
    optimizer = sgd(0.3)
    parts = {index: builders[index](optimizer) for index in order}
    assert SequentialLR(optimizer, [parts[0], parts[1], parts[2]], [5, 9]).bases == [0.3]
    optimizer = sgd(0.3)
    parts = {index: builders[index](optimizer) for index in order}
    assert ChainedScheduler([parts[0], parts[1], parts[2]]).bases == [0.3]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [0.02, 0.3])
@pytest.mark.parametrize("tensor", [False, True])
def test_a_rate_set_by_hand_is_kept_and_scaled_from_there(kind, rate, tensor):
    seen = []
    for module in (lr_scheduler, schedules):
        start = torch.tensor(0.05, dtype=torch.float64) if tensor else 0.05
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=start)
        seen.append(advance(optimizer, KINDS[kind](module)(optimizer), 30, by_hand={4: rate}))
        assert seen[-1][5] == [rate]
    np.testing.assert_allclose(seen[1], seen[0], rtol=1e-9, atol=1e-15)


def test_a_rate_set_by_hand_is_kept_to_the_bit_while_the_schedule_rests():
    optimizer = sgd(0.7)
    schedule = StepLR(optimizer, 10, 0.3)
    seen = advance(optimizer, schedule, 20, by_hand={12: 0.1})
    assert seen[13:] == [[0.1]] * 7
    assert rates(optimizer) == [pytest.approx(0.03)]


def test_a_rate_set_by_hand_lasts_through_a_sequence_and_a_climb():
    optimizer = sgd(0.8)
    plan = SequentialLR(optimizer, [FixedLR(optimizer), ExponentialLR(optimizer, 0.5)], [4])
    np.testing.assert_allclose(np.ravel(advance(optimizer, plan, 7, {1: 0.2})), [0.8, 0.8, 0.2, 0.2, 0.2, 0.1, 0.05])
    optimizer = sgd(1.0)
    climb = Warmup(FixedLR(optimizer), steps=3)
    np.testing.assert_allclose(np.ravel(advance(optimizer, climb, 5, {0: 1.0})), [0.25, 1.0, 1.5, 2.0, 2.0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schedule_first", [True, False])
@pytest.mark.parametrize("stop", [4, 5, 9])  # the rate is set after step 4: before, at and after the change was seen
def test_resume_is_exact_after_a_rate_was_set_by_hand(kind, schedule_first, stop):
    build = KINDS[kind](schedules)
    optimizer = sgd(0.05, 0.4)
    expected = advance(optimizer, build(optimizer), 25, by_hand={4: 0.07})
    first = sgd(0.05, 0.4)
    schedule = build(first)
    seen = advance(first, schedule, stop, by_hand={4: 0.07})
    saved = io.BytesIO()
    torch.save([schedule.state_dict(), first.state_dict()], saved)
    saved.seek(0)
    of_schedule, of_optimizer = torch.load(saved)
    second = sgd(5.0, 6.0)
    resumed = build(second)
    for load in ((resumed, second), (second, resumed))[0 if schedule_first else 1]:
        load.load_state_dict(of_schedule if load is resumed else of_optimizer)
    second.step()
    rest = advance(second, resumed, 25 - stop, by_hand={4 - stop: 0.07} if stop <= 4 else None)
    assert seen + rest == expected


@pytest.mark.parametrize("container", [lr_scheduler.ChainedScheduler, lambda parts: None])
def test_resume_is_exact_in_company(container):
    def build(optimizer):
        parts = [lr_scheduler.ConstantLR(optimizer, 0.1, 3), ExponentialLR(optimizer, 0.9), StepLR(optimizer, 4, 0.5)]
        return lr_scheduler.ChainedScheduler(parts)

    optimizer = sgd(0.05, 0.4)
    expected = advance(optimizer, build(optimizer), 25)
    for stop in (1, 3, 7):
        first = sgd(0.05, 0.4)
        schedule = build(first)
        seen = advance(first, schedule, stop)
        second = sgd(0.05, 0.4)
        resumed = build(second)
        resumed.load_state_dict(schedule.state_dict())
        second.load_state_dict(first.state_dict())
        second.step()
        assert seen + advance(second, resumed, 25 - stop) == expected


@pytest.mark.parametrize(
    "build", [lambda o: LinearMomentum(o, 10), lambda o: SutskeverMomentum(o, stair=3)], ids=["linear", "stairs"]
)
def test_a_momentum_that_its_formula_gives_alone_is_overwritten_with_a_word(build):
    optimizer = sgd(0.1)
    schedule = build(optimizer)
    advance(optimizer, schedule, 2)
    optimizer.param_groups[0]["momentum"] = 0.33
    with pytest.warns(UserWarning, match=r"momentum of group 0 was set to 0\.33, but .*overwrites it; to keep") as told:
        advance(optimizer, schedule, 3)
    assert [warning.filename for warning in told] == [__file__]
    assert optimizer.param_groups[0]["momentum"] == schedule.curve(6)[5]


def test_a_formula_without_a_base_is_silent_where_nobody_interferes():
    optimizer = sgd(0.1)
    optimizer.param_groups[0]["initial_momentum"] = 0.4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advance(optimizer, LinearMomentum(optimizer, 10), 12)
    assert optimizer.param_groups[0]["momentum"] == 0.99


def test_a_rate_in_a_single_precision_tensor_is_not_worn_away():
    start = torch.tensor(0.05)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=start)
    schedule = CosineAnnealingLR(optimizer, 2000, 1e-4)
    advance(optimizer, schedule, 1999, by_hand={10: 0.03})
    other = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=start.double())
    advance(other, CosineAnnealingLR(other, 2000, 1e-4), 1999, by_hand={10: 0.03})
    assert rates(optimizer) == pytest.approx(rates(other), rel=1e-6)


def test_a_momentum_set_by_hand_is_kept_where_the_formula_is_of_its_base():
    optimizer = sgd(0.1)
    schedule = FixedMomentum(optimizer)
    advance(optimizer, schedule, 2)
    optimizer.param_groups[0]["momentum"] = 0.33
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advance(optimizer, schedule, 3)
    assert optimizer.param_groups[0]["momentum"] == 0.33


def test_a_formula_that_is_no_line_in_its_base_is_followed_with_a_word():
    class Root(Schedule):
        horizon = 10

        def value(self, t, base):
            return (base / (t + 1)) ** 0.5

    optimizer = sgd(0.16)
    schedule = Root(optimizer)
    advance(optimizer, schedule, 2)
    optimizer.param_groups[0]["lr"] = 0.05
    with pytest.warns(UserWarning, match=r"lr of group 0 was set to 0\.05, but Root"):
        advance(optimizer, schedule, 1)
    assert rates(optimizer) == [0.2]


def test_a_new_schedule_begins_where_the_last_one_left_the_rate():
    seen = []
    for module in (lr_scheduler, schedules):
        optimizer = sgd(0.4)
        advance(optimizer, module.ExponentialLR(optimizer, 0.5), 3)
        seen.append(advance(optimizer, module.StepLR(optimizer, 2, 0.1), 5))
    np.testing.assert_allclose(seen[1], seen[0], rtol=1e-12)


def test_resuming_by_last_epoch_keeps_a_rate_set_by_hand():
    optimizer = sgd(0.4)
    optimizer.param_groups[0].update(initial_lr=0.4, lr=0.03)
    StepLR(optimizer, 4, 0.5, last_epoch=4)
    assert rates(optimizer) == [pytest.approx(0.03)]


def test_more_groups_than_the_optimizer_has_are_refused():
    saved = StepLR(sgd(0.1, 0.2), 3).state_dict()
    with pytest.raises(ValueError, match=r"is that of 2 parameter groups, the optimizer has 1"):
        StepLR(sgd(0.1), 3).load_state_dict(saved)


def test_the_rate_of_a_cosine_at_its_bottom_may_be_set():
    seen = []
    for module in (lr_scheduler, schedules):
        optimizer = sgd(0.4)
        seen.append(
            advance(
                optimizer,
                CosineAnnealingLR(optimizer, 5)
                if module is schedules
                else lr_scheduler.CosineAnnealingLR(optimizer, 5),
                12,
                by_hand={4: 0.1},
            )
        )
    np.testing.assert_allclose(seen[1], seen[0], rtol=1e-9, atol=1e-15)

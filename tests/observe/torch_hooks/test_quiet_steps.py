"""Which steps are taken in without a word, and which are not."""

from __future__ import annotations

import math
import threading
import time

import pytest
import torch
from torch import nn
from torch.optim import SGD

from unstuck.observe.torch_hooks.quiet_steps import QuietSteps


@pytest.fixture
def optimizer() -> SGD:
    return SGD([nn.Parameter(torch.ones(1))], lr=0.5)


def rates(optimizer: SGD) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


def test_losses_are_taken_in_one_for_each_step(optimizer: SGD) -> None:
    quiet = QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf)
    for number in (1.5, 0.5, 0.25):
        assert quiet.loss(torch.tensor(number, requires_grad=True))
        assert quiet.pending == [number]
        before = time.perf_counter()
        assert quiet.step(optimizer)
        assert before <= quiet.ended <= time.perf_counter()
    assert quiet.losses == [1.5, 0.5, 0.25]
    assert quiet.pending == []
    assert not quiet.loss(torch.tensor(1.0)), "so many steps were quiet, and not more"


@pytest.mark.parametrize(
    "loss",
    [
        *(torch.tensor(math.nan), torch.tensor(math.inf), torch.tensor(3), torch.tensor(1j), torch.ones(1)),
        *(nn.Parameter(torch.tensor(1.0)), torch.tensor(1.0, device="meta")),
    ],
)
def test_an_unusual_loss_is_not_taken(optimizer: SGD, loss: torch.Tensor) -> None:
    quiet = QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf)
    assert not quiet.loss(loss)
    assert quiet.pending == []
    assert not quiet.step(optimizer), "a step without a loss"


def test_a_second_loss_of_a_step_is_not_taken(optimizer: SGD) -> None:
    quiet = QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf)
    assert quiet.loss(torch.tensor(1.0))
    assert not quiet.loss(torch.tensor(2.0))
    assert quiet.pending == [1.0]


def test_the_loss_of_another_thread_is_not_taken(optimizer: SGD) -> None:
    quiet = QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf)
    taken: list[bool] = []
    worker = threading.Thread(target=lambda: taken.append(quiet.loss(torch.tensor(1.0))))
    worker.start()
    worker.join()
    assert taken == [False]


def test_a_loss_that_somebody_waits_for_is_not_taken(optimizer: SGD) -> None:
    waiting = [False, True]
    quiet = QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf, waits=lambda: waiting.pop(0))
    assert quiet.loss(torch.tensor(1.0))
    assert quiet.step(optimizer)
    assert not quiet.loss(torch.tensor(1.0))


def test_a_step_is_not_taken_in_when_time_is_up_or_a_rate_is_no_number(optimizer: SGD) -> None:
    late = QuietSteps(optimizer, rates(optimizer), steps=3, until=time.perf_counter())
    assert late.loss(torch.tensor(1.0))
    assert not late.step(optimizer)
    quiet = QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf)
    assert quiet.loss(torch.tensor(1.0))
    assert not quiet.step(SGD([nn.Parameter(torch.ones(1))], lr=0.5)), "of another optimizer"
    optimizer.param_groups[0]["lr"] = torch.tensor(0.25)
    assert not quiet.step(optimizer)
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))]})
    assert not quiet.step(optimizer)
    assert quiet.losses == []
    assert quiet.pending == [1.0]


def test_rates_that_change_are_taken_in_with_the_step_that_has_them_first(optimizer: SGD) -> None:
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))], "lr": 0.1})
    quiet = QuietSteps(optimizer, rates(optimizer), steps=9, until=math.inf)
    for rate in (0.5, 0.25, float("0.25"), 0.125):  # the third is another object of the same value
        optimizer.param_groups[0]["lr"] = rate
        assert quiet.loss(torch.tensor(1.0))
        assert quiet.step(optimizer)
    assert quiet.changes == [(1, (0.25, 0.1)), (3, (0.125, 0.1))]


@pytest.mark.parametrize(("terms", "loss"), [(1, 2.0), (2, 4.0), (7, 6.0)])
def test_the_losses_of_several_passes_are_one_mean_for_each_term(optimizer: SGD, terms: int, loss: float) -> None:
    quiet = QuietSteps(optimizer, rates(optimizer), steps=9, until=math.inf, passes=3, terms=terms)
    for number in (1.0, 2.0, 3.0):
        assert quiet.loss(torch.tensor(number))
    assert not quiet.loss(torch.tensor(4.0)), "more than usual"
    assert quiet.step(optimizer)
    assert quiet.loss(torch.tensor(5.0))
    assert quiet.step(optimizer), "the last batches of an epoch may be fewer"
    assert quiet.losses == [loss, 5.0]
    assert quiet.taken == 4


def test_updates_with_closures_are_taken_in_where_these_make_one_pass(optimizer: SGD) -> None:
    quiet = QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf, closures=True)
    assert quiet.closes()
    assert quiet.closing
    assert quiet.loss(torch.tensor(1.0))
    assert quiet.step(optimizer)
    assert not quiet.closing
    assert quiet.loss(torch.tensor(1.0))
    assert not quiet.closes(), "a pass came before the closure"
    assert not QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf).closes()


def test_a_schedule_is_taken_in_where_it_is_known(optimizer: SGD) -> None:
    quiet = QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf, scheduled=lambda known: known == "known")
    assert quiet.scheduled("known")
    assert not quiet.scheduled("new")
    assert not QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf).scheduled("known")


@pytest.mark.parametrize(("number", "taken"), [(2.0, True), (2.1, False), (-5.0, True), (-math.inf, False)])
def test_a_loss_above_the_limit_is_not_taken(optimizer: SGD, number: float, taken: bool) -> None:
    quiet = QuietSteps(optimizer, rates(optimizer), steps=3, until=math.inf, limit=2.0)
    assert quiet.loss(torch.tensor(number)) is taken

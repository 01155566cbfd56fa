"""How often schedules of the learning rate are stepped."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau, StepLR

from unstuck.observe.collectors.schedules import FEWEST_UPDATES, Schedules
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots


@pytest.fixture
def optimizer() -> SGD:
    return SGD([nn.Parameter(torch.ones(1))], lr=0.3)


@pytest.fixture
def view(optimizer: SGD) -> View:
    return View(roots=Roots(optimizer))


def stepped(view: View, schedule: LRScheduler, *, updates: int, every: int) -> Schedules:
    schedules = Schedules(view)
    for _ in range(updates):
        schedule.optimizer.step()
        view.updates += 1
        if view.updates % every == 0:
            schedule.step()
            schedules.schedule_stepped(schedule)
    return schedules


@pytest.mark.parametrize(("every", "per"), [(1, "step"), (5, "epoch")])
def test_steps_are_told_from_epochs(view: View, optimizer: SGD, every: int, per: str) -> None:
    (fact,) = stepped(view, StepLR(optimizer, 30), updates=20, every=every).facts()
    assert (fact.type, fact.steps, fact.updates, fact.per) == ("StepLR", 20 // every, 20, per)
    assert (fact.base_rate, fact.before_update, fact.file) == (0.3, False, __file__)


def test_after_a_few_updates_nobody_knows(view: View, optimizer: SGD) -> None:
    (fact,) = stepped(view, StepLR(optimizer, 30), updates=FEWEST_UPDATES - 1, every=1).facts()
    assert fact.per == "unknown"


def test_a_step_before_the_first_update_is_known(view: View, optimizer: SGD) -> None:
    schedules, schedule = Schedules(view), StepLR(optimizer, 30)
    schedules.schedule_stepped(schedule)
    view.updates += 1
    schedules.schedule_stepped(schedule)
    (fact,) = schedules.facts()
    assert fact.before_update
    assert fact.steps == 2


def test_the_greatest_rate_of_a_cycle_is_its_base(view: View, optimizer: SGD) -> None:
    (fact,) = stepped(view, OneCycleLR(optimizer, max_lr=0.7, total_steps=50), updates=4, every=1).facts()
    assert fact.base_rate == 0.7


def test_a_plateau_counts_the_steps_without_a_better_number(view: View, optimizer: SGD) -> None:
    schedules, schedule = Schedules(view), ReduceLROnPlateau(optimizer)
    for number in (5.0, 4.0, 6.0, 6.0, 6.0):
        view.updates += 1
        schedule.step(number)
        schedules.schedule_stepped(schedule)
    (fact,) = schedules.facts()
    assert (fact.steps, fact.stale) == (5, 3)
    schedule.step(1.0)
    schedules.schedule_stepped(schedule)
    assert next(schedules.facts()).stale == 0


def test_schedules_are_told_apart(view: View, optimizer: SGD) -> None:
    schedules = Schedules(view)
    first, second = StepLR(optimizer, 1), StepLR(optimizer, 2)
    for schedule in (first, second, first):
        schedules.schedule_stepped(schedule)
    assert [fact.steps for fact in schedules.facts()] == [2, 1]

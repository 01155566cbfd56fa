"""How much of each step is looked at: sampled steps, forward passes, events."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_modules
from torch.optim import SGD

from unstuck.observe.budget import Budget, Spending
from unstuck.observe.clock import Clock
from unstuck.observe.collectors.modes import MODES_EVERY_STEP_UNTIL
from unstuck.observe.collectors.passes import COUNTED_UPDATES, Passes
from unstuck.observe.pace import Pace
from unstuck.observe.torch_hooks import events, forward


class Nothing:
    spent = 0.0


class Watching:
    """Listens to an optimizer, and watches a model."""

    thread: int | None = None
    updates_of: int | None = None
    awaits_evaluations = False

    def __init__(self, model: nn.Module) -> None:
        self.entries = {id(model)}
        self.seen = 0

    def step_begins(self, optimizer: object) -> None:
        raise AssertionError

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, learning: bool) -> None:
        self.seen += 1

    def failed(self, error: Exception) -> None:
        raise error


class Training:
    """Steps of a millisecond each, in a clock of its own, without a model."""

    def __init__(self, *, every_pass: bool = False) -> None:
        self.clock, self.budget, self.passes = Clock(), Budget(0.02), Passes()
        self.spending = Spending(self.budget, Nothing(), Nothing())
        self.pace = Pace(self.clock, self.budget, self.spending, self.passes, every_pass=every_pass)
        self.watcher = Watching(nn.Identity())
        self.now = self.spending.began
        self.budget.begin(self.now)
        self.asked: list[int] = []
        self.sampled: list[int] = []
        self.attended: list[int] = []

    def train(self, steps: int, *, sure: bool = True, resting: bool = True) -> None:
        for _ in range(steps):
            self.attended += [self.clock.step] * bool(torch_modules._global_forward_pre_hooks)
            self.sampled += [self.clock.step] * self.clock.sampled
            self.spending.between += 1e-3 * self.clock.sampled
            self.now += 1e-3
            rests = resting and self.pace.rests(self.now)
            self.clock.updated()
            self.passes.step = self.clock.step
            self.pace.goes_on(self.watcher, self.now)
            if not rests:
                self.asked.append(self.clock.step)
                self.pace.decides(self.watcher, self.now, sure=sure)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(events, "_optimizers", weakref.WeakKeyDictionary())
    optimizer = SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    events.meet(optimizer)
    made: list[Training] = []

    def make(**known: bool) -> Training:
        made.append(Training(**known))
        forward.watch(made[-1].watcher)
        events.add(made[-1].watcher)
        return made[-1]

    yield make
    for one in made:
        forward.unwatch(one.watcher)
        events.remove(one.watcher)


def test_a_rest_leaves_no_sample_out(training: Any) -> None:
    rested, asked = training(), training()
    rested.train(800)
    asked.train(800, resting=False)
    assert rested.sampled == asked.sampled
    assert len(rested.asked) < 400 < len(asked.asked) == 800


def test_as_many_steps_are_quiet_as_rest_or_until_a_batch_is_due_to_be_recognised(training: Any) -> None:
    one = training()
    one.spending.recognised(1e9)
    one.train(300)
    while one.pace.quiet()[0] < 4 or one.pace.quiet()[1] < one.now + 0.1:
        one.train(1)
    (steps, until), asked = one.pace.quiet(), len(one.asked)
    one.train(1)
    assert one.pace.quiet() == (steps - 1, until)
    one.spending.recognises_from = one.now
    assert one.pace.quiet() == (steps - 1, one.now), "a batch is due"
    one.pace.goes_on(one.watcher, one.now)
    assert one.pace.quiet() == (steps - 1, until), "if it enters by a module, it will be seen"
    assert one.pace.seen(one.watcher)
    assert one.pace.quiet() == (steps - 1, one.now)
    one.train(steps - 1)
    assert (one.pace.quiet()[0], len(one.asked)) == (0, asked)
    one.train(1)
    assert len(one.asked) == asked + 1


def test_the_first_forward_passes_and_those_of_samples_are_attended_to(training: Any) -> None:
    one = training()
    one.spending.recognised(1e9)
    one.train(400)
    assert one.attended[:MODES_EVERY_STEP_UNTIL] == list(range(MODES_EVERY_STEP_UNTIL))
    later = [step for step in one.attended if step > MODES_EVERY_STEP_UNTIL + 1]
    assert later == [step for step in one.sampled if step > MODES_EVERY_STEP_UNTIL + 1]
    assert later


def test_where_there_is_time_for_recognising_each_batch_is_attended_to(training: Any) -> None:
    one = training()
    one.train(100)
    assert one.attended == list(range(100))


def test_a_batch_that_was_seen_is_enough_where_each_update_has_one(training: Any) -> None:
    one, several = training(), training()
    for each in (one, several):
        each.train(MODES_EVERY_STEP_UNTIL + 2)
        each.clock.sampled = False
        forward.attend(each.watcher)
    for _ in range(2 * COUNTED_UPDATES):
        several.passes._forward += 1
    one.pace.seen(one.watcher)
    several.pace.seen(several.watcher)
    assert one.watcher not in forward._attentive
    assert several.watcher in forward._attentive


def test_where_passes_tell_of_updates_all_are_attended_to_and_nothing_is_spared(training: Any) -> None:
    one = training(every_pass=True)
    one.spending.recognised(1e9)
    one.train(100)
    assert one.attended == list(range(100))
    assert not events.is_spared(one.watcher)


@pytest.mark.parametrize("sure", [True, False])
def test_a_sure_training_is_spared_what_tells_nothing(training: Any, sure: bool) -> None:
    one = training()
    one.clock.step = 100
    one.clock.sampled = False
    one.train(2, sure=sure, resting=False)
    assert not one.clock.sampled
    assert events.is_spared(one.watcher) is sure
    one.clock.step = 127
    one.train(1, sure=sure, resting=False)
    assert one.clock.step == 128
    assert not events.is_spared(one.watcher), "a power of two is eventful"


def test_beside_another_optimizer_nobody_is_spared(training: Any) -> None:
    one, other = training(), SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    events.meet(other)
    one.clock.step, one.clock.sampled = 100, False
    one.train(2, resting=False)
    assert not events.is_spared(one.watcher)

"""What a sampled step takes, counted and not timed, so that a busy machine gives the same answer."""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LRScheduler

import unstuck
from unstuck.observe import Session, sampling
from unstuck.observe.torch_hooks import events
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import End, GradientChange, Schedule

OURS = str(Path(unstuck.__file__).parent)

MOST_CALLS = 535
"""Calls of our own functions in a sampled step of two layers, one of those that gather pairs of inputs and targets;
comprehensions are calls until Python 3.12. Following what targets are made of takes 17 of them."""


MOST_CALLS_PER_TENSOR = 2.05
"""Calls that one more parameter tensor adds to a sampled step: whole lists of them are measured together."""

MOST_CALLS_PER_TENSOR_LOOKING = 60
"""The same in one of the few steps in which it is seen who changes its gradient, here ``zero_grad``; 50 where a
compiler was imported, which is then asked each time."""

MOST_QUIET_CALLS = 9
"""The same in a step that is not sampled."""

MOST_QUIET_CALLS_OF_A_STYLE = 15
"""The same where a loop does more in each step: closures, schedules, micro-batches, modes that are set anew."""

MOST_CALLS_BESIDE_ANOTHER = 200
"""The same where another training may go on at any time."""


def calls_of(work: Callable[[], None]) -> list[str]:
    """The names of our own functions that something calls."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            calls.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def step(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, targets: Tensor) -> None:
    optimizer.zero_grad()
    F.cross_entropy(model(inputs), targets).backward()
    optimizer.step()


def calls_of_a_sampled_step(
    folder: Path, model: nn.Module, monkeypatch: pytest.MonkeyPatch, *, before: int = 12
) -> list[str]:
    """Our own functions that a step of a training calls, whatever those before it have taken."""
    monkeypatch.setattr(sampling, "DENSE_SECONDS", math.inf)
    inputs, targets = torch.randn(50, 20), torch.randint(4, (50,))
    with RunWriter(folder) as writer, Session(writer, budget=1.0):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, foreach=True)
        for _ in range(before):
            step(model, optimizer, inputs, targets)
        calls = calls_of(lambda: step(model, optimizer, inputs, targets))
    assert "measure" in calls, "the step was sampled"
    return calls


def test_a_sampled_step_makes_few_calls_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 4))
    assert len(calls_of_a_sampled_step(tmp_path, model, monkeypatch)) < MOST_CALLS


def test_an_ordinary_step_makes_very_few_calls_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Linear(20, 4)
    inputs, targets = torch.randn(50, 20), torch.randint(4, (50,))
    fewest = 1_000
    monkeypatch.setattr(
        events, "_optimizers", weakref.WeakKeyDictionary()
    )  # with another one alive, no step is ordinary
    with RunWriter(tmp_path) as writer, Session(writer):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for number in range(2000):
            if number % 20:
                step(model, optimizer, inputs, targets)
            else:
                fewest = min(fewest, len(calls_of(lambda: step(model, optimizer, inputs, targets))))
    assert fewest <= MOST_QUIET_CALLS


def with_a_closure(model: nn.Module, optimizer: Any, _: Any, batch: tuple[Tensor, Tensor]) -> None:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        return loss

    optimizer.step(closure)


def with_a_schedule(
    model: nn.Module, optimizer: torch.optim.Optimizer, schedule: LRScheduler, batch: tuple[Tensor, Tensor]
) -> None:
    step(model, optimizer, *batch)
    schedule.step()


def by_micro_batches(model: nn.Module, optimizer: torch.optim.Optimizer, _: Any, batch: tuple[Tensor, Tensor]) -> None:
    for inputs, targets in zip(batch[0].chunk(2), batch[1].chunk(2), strict=True):
        (F.cross_entropy(model(inputs), targets) / 2).backward()
    optimizer.step()
    optimizer.zero_grad()


def setting_the_mode(model: nn.Module, optimizer: torch.optim.Optimizer, _: Any, batch: tuple[Tensor, Tensor]) -> None:
    model.train()
    step(model, optimizer, *batch)


@pytest.mark.parametrize("make", [with_a_closure, with_a_schedule, by_micro_batches, setting_the_mode])
def test_an_ordinary_step_of_each_style_makes_few_calls_and_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., None]
) -> None:
    torch.manual_seed(0)
    model = nn.Linear(20, 4)
    batch, losses, rates, counts = (torch.randn(50, 20), torch.randint(4, (50,))), [], [], []
    monkeypatch.setattr(events, "_optimizers", weakref.WeakKeyDictionary())
    with RunWriter(tmp_path) as writer, Session(writer):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, 1200)
        for number in range(1200):
            with torch.no_grad(), events.Ours():
                losses.append(F.cross_entropy(model(batch[0]), batch[1]).item())
            rates.append(optimizer.param_groups[0]["lr"])
            if number % 20:
                make(model, optimizer, schedule, batch)
            else:
                counts.append(len(calls_of(lambda: make(model, optimizer, schedule, batch))))
    assert min(counts) <= MOST_QUIET_CALLS_OF_A_STYLE
    with Run.open(tmp_path) as run:
        recorded, rate, end = run.series(signals.LOSS), run.table(signals.LEARNING_RATE), run.fact(End)
        passes = 2 if make is by_micro_batches else 1
        assert recorded.steps.tolist() == list(range(1200))
        assert recorded.values * passes == pytest.approx(losses, rel=1e-5)
        assert rate.values[:, 0] == pytest.approx([rates[step] for step in rate.steps])
        assert len(rate.steps) == len(set(rates))
        assert end is not None
        assert end.backward_passes == 1200 * passes
        assert [schedule.steps for schedule in run.facts(Schedule)][-1:] == [1200] * (make is with_a_schedule)


class Many(nn.Module):
    """So many small parameters, used at once."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(torch.randn(20) for _ in range(number))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * torch.stack(list(self.weights)).sum(dim=0)


def test_a_parameter_tensor_adds_hardly_a_call_to_a_sampled_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (
        len(calls_of_a_sampled_step(tmp_path / str(number), Many(number), monkeypatch)) for number in (100, 300)
    )
    assert many - few <= MOST_CALLS_PER_TENSOR * 200


def test_a_parameter_tensor_adds_few_calls_where_changes_of_gradients_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (
        len(calls_of_a_sampled_step(tmp_path / str(number), Many(number), monkeypatch, before=16))
        for number in (100, 300)
    )
    assert many - few <= MOST_CALLS_PER_TENSOR_LOOKING * 200


def test_a_training_that_was_given_up_costs_the_others_little(tmp_path: Path) -> None:
    inputs, targets = torch.randn(50, 20), torch.randint(4, (50,))
    with RunWriter(tmp_path) as writer, Session(writer):
        models = [nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 4)) for _ in range(2)]
        given_up, going_on = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
        step(models[0], given_up, inputs, targets)  # its next step is to be sampled, and never comes
        for _ in range(300):
            step(models[1], going_on, inputs, targets)
        fewest = min(len(calls_of(lambda: step(models[1], going_on, inputs, targets))) for _ in range(20))
    assert fewest <= MOST_CALLS_BESIDE_ANOTHER


def test_a_training_that_goes_on_after_a_rest_is_seen_again(tmp_path: Path) -> None:
    inputs, targets = torch.randn(50, 20), torch.randint(4, (50,))
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        models = [nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 4)) for _ in range(2)]
        resting, going_on = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
        for model, optimizer, steps in ((0, resting, 1), (1, going_on, 40), (0, resting, 3)):
            for _ in range(steps):
                step(models[model], optimizer, inputs, targets)
    with Run.open(tmp_path) as run:
        rested = run.streams()[0]
        seen = rested.table(signals.ACTIVATION_STD).steps.tolist()
        changes = [change.step for change in rested.facts(GradientChange)]
    assert seen == [0, 1, 2, 3]
    assert changes == [0, 1, 2]

from __future__ import annotations

import textwrap
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest
import torch

from unstuck.record import signals
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.more_steps import MoreSteps
from unstuck.testing.rules import record

TWICE = Change(remedy="more-steps", settings={"factor": 2.0})

BEGIN = """
import torch
steps, rates = [], []

def optimizer_of(rate=1.0):
    return torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=rate)

def update(optimizer, *told):
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight.grad = torch.ones(1)
    optimizer.step()
    steps.append(told)
    rates.append(optimizer.param_groups[0]["lr"])
"""


def run(folder: Path, source: str) -> dict[str, Any]:
    """The names of a program that is run with twice the steps."""
    path = folder / "train.py"
    path.write_text(BEGIN + textwrap.dedent(source))
    names: dict[str, Any] = {"__name__": "train"}
    with applied(TWICE):
        exec(SourceFileLoader("train", str(path)).get_code("train"), names)
    return names


def test_it_is_twice_as_long_whatever_the_run(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOSS: [2.0, 1.0]}) as run:
        assert list(MoreSteps().candidates(run, None)) == [TWICE, Change(remedy="more-steps", settings={"factor": 4.0})]
        assert MoreSteps().words(TWICE, run) == "with 2 times the steps"
        assert MoreSteps().obstacle(run) is None


EPOCHS = """
optimizer = optimizer_of()
for epoch in range(2):
    for batch in "ab":
        update(optimizer, epoch, batch)
    for batch in "xy":  # an evaluation
        pass
"""


def test_the_outermost_loop_is_made_longer_and_no_other(tmp_path: Path) -> None:
    steps = run(tmp_path, EPOCHS)["steps"]
    assert steps == [(epoch, batch) for epoch in (0, 0, 1, 1) for batch in "ab"]
    assert changed()


def test_a_loop_in_a_function_with_a_loader_in_a_while_loop(tmp_path: Path) -> None:
    source = """
    def epoch_of(optimizer):
        for index, batch in enumerate("ab"):
            update(optimizer, batch)
    optimizer, epochs = optimizer_of(), 0
    while epochs < 2:
        epoch_of(optimizer)
        epochs += 1
    """
    assert run(tmp_path, source)["steps"] == [(batch,) for batch in "aabbaabb"]


def test_of_several_trainings_in_a_loop_each_is_made_longer(tmp_path: Path) -> None:
    source = """
    for fold in range(2):
        optimizer = optimizer_of()
        for step in range(2):
            update(optimizer, fold, step)
    """
    assert run(tmp_path, source)["steps"] == [(fold, step) for fold in (0, 1) for step in (0, 0, 1, 1)]


def test_passes_that_accumulate_are_made_again_with_the_update_that_they_lead_to(tmp_path: Path) -> None:
    source = """
    optimizer, passes = optimizer_of(), []
    for index in range(4):
        passes.append(index)
        if index % 2:
            update(optimizer)
    """
    names = run(tmp_path, source)
    assert names["passes"] == [0, 1, 0, 1, 2, 3, 2, 3]
    assert len(names["steps"]) == 4


def test_a_schedule_is_stretched(tmp_path: Path) -> None:
    source = """
    optimizer = optimizer_of()
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=4)
    for step in range(4):
        update(optimizer)
        if step < 3:
            schedule.step()
    """
    rates = run(tmp_path, source)["rates"]
    assert len(rates) == 8
    assert rates[1:-1:2] == rates[2::2]  # a step of the schedule for two of the training


def test_a_schedule_behind_its_training_is_stepped_as_ever(tmp_path: Path) -> None:
    made = "optimizer = optimizer_of()\nschedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)\n"
    names = run(tmp_path, EPOCHS.replace("optimizer = optimizer_of()\n", made) + "schedule.step()\n")
    assert names["optimizer"].param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize(
    "source",
    [
        "optimizer = optimizer_of()\nwhile len(steps) < 3:\n    update(optimizer)",
        "for epoch in range(3):\n    optimizer = optimizer if epoch else optimizer_of()\n    update(optimizer)",
    ],
)
def test_what_no_loop_of_its_own_makes_is_not_made_longer(tmp_path: Path, source: str) -> None:
    assert len(run(tmp_path, source)["steps"]) == 3
    assert not changed()


def test_all_is_put_back(tmp_path: Path) -> None:
    step = torch.optim.lr_scheduler.LRScheduler.step
    run(tmp_path, EPOCHS)
    assert torch.optim.lr_scheduler.LRScheduler.step is step
    path = tmp_path / "train.py"
    names: dict[str, Any] = {"__name__": "train"}
    exec(SourceFileLoader("train", str(path)).get_code("train"), names)
    assert len(names["steps"]) == 4


def test_a_loop_that_is_left_early_is_left(tmp_path: Path) -> None:
    source = """
    optimizer = optimizer_of()
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    for step in range(10):
        update(optimizer, step)
        if len(steps) == 4:
            break
    schedule.step()
    """
    names = run(tmp_path, source)
    assert names["steps"] == [(0,), (0,), (1,), (1,)]
    assert names["optimizer"].param_groups[0]["lr"] == 0.5

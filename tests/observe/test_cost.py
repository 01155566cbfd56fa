"""What a sampled step takes, counted and not timed, so that a busy machine gives the same answer."""

from __future__ import annotations

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

import unstuck
from unstuck.observe import Session
from unstuck.observe.torch_hooks import events
from unstuck.record import RunWriter

OURS = str(Path(unstuck.__file__).parent)

MOST_CALLS = 550
"""Calls of our own functions in a sampled step of two layers; comprehensions are calls until Python 3.12."""


MOST_QUIET_CALLS = 9
"""The same in a step that is not sampled."""


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


def test_a_sampled_step_makes_few_calls_of_our_own(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 4))
    inputs, targets = torch.randn(50, 20), torch.randint(4, (50,))
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(12):
            step(model, optimizer, inputs, targets)
        calls = calls_of(lambda: step(model, optimizer, inputs, targets))
    assert "measure" in calls, "the step was sampled"
    assert len(calls) < MOST_CALLS


def test_an_ordinary_step_makes_very_few_calls_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Linear(20, 4)
    inputs, targets = torch.randn(50, 20), torch.randint(4, (50,))
    fewest = 1_000
    monkeypatch.setattr(events, "_optimizers", weakref.WeakSet())  # with another one alive, no step is ordinary
    with RunWriter(tmp_path) as writer, Session(writer):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for number in range(2000):
            if number % 20:
                step(model, optimizer, inputs, targets)
            else:
                fewest = min(fewest, len(calls_of(lambda: step(model, optimizer, inputs, targets))))
    assert fewest <= MOST_QUIET_CALLS

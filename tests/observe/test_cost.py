"""What a sampled step takes, counted and not timed, so that a busy machine gives the same answer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

import unstuck
from unstuck.observe import Session
from unstuck.record import RunWriter

OURS = str(Path(unstuck.__file__).parent)

MOST_CALLS = 530
"""Calls of our own functions in a sampled step of two layers; comprehensions are calls until Python 3.12."""


def test_a_sampled_step_makes_few_calls_of_our_own(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = torch.randn(50, 20), torch.randint(4, (50,))
    calls: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            calls.append(frame.f_code.co_name)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(12):
            step()
        sys.setprofile(note)
        try:
            step()
        finally:
            sys.setprofile(None)
    assert "measure" in calls, "the step was sampled"
    assert len(calls) < MOST_CALLS

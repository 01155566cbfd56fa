"""Forward and backward passes are counted for the first updates."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import nn

from unstuck.observe import Observer, Session
from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.observer import EndReason
from unstuck.record import Run, RunWriter
from unstuck.record.facts import End, Passes

Style = Literal["usual", "behind the loop", "step behind", "accumulated", "summed", "never"]


def train(folder: Path, style: Style) -> Passes:
    """Four epochs of five batches."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    reason: EndReason = "completed"
    with RunWriter(folder) as writer, Observer(model, optimizer, writer) as observer:
        for _ in range(4):
            total = torch.zeros(())
            for _ in range(5):
                if style not in ("accumulated", "summed"):
                    optimizer.zero_grad()
                loss = model(torch.randn(6, 3)).square().mean()
                total = total + loss
                if style in ("usual", "step behind", "accumulated", "never"):
                    loss.backward()
                if style == "usual":
                    optimizer.step()
            if style == "behind the loop":
                loss.backward()
            if style == "summed":
                total.backward()
            if style not in ("usual", "never"):
                optimizer.step()
            if style in ("accumulated", "summed"):
                optimizer.zero_grad()
        observer.ended(reason)
    fact = Run.open(folder).fact(Passes)
    assert fact is not None
    return fact


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("usual", Passes(updates=20, forward=20, backward=20, used=1)),
        ("behind the loop", Passes(updates=4, forward=20, backward=4, used=1)),
        ("step behind", Passes(updates=4, forward=20, backward=20, lost=16, used=1)),
        ("accumulated", Passes(updates=4, forward=20, backward=20, used=1)),
        ("summed", Passes(updates=4, forward=20, backward=4, used=5)),
        ("never", Passes(updates=0, forward=20, backward=20, lost=19, used=1, unmoved=True)),
    ],
)
def test_what_each_style_of_loop_makes(tmp_path: Path, style: Style, expected: Passes) -> None:
    assert train(tmp_path, style) == expected


@pytest.mark.parametrize("parts", [1, 4])
def test_all_backward_passes_are_counted_also_of_steps_of_which_little_is_told(tmp_path: Path, parts: int) -> None:
    model, inputs = nn.Linear(3, 1), torch.randn(8, 3)
    with RunWriter(tmp_path) as writer, Session(writer):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(300):
            optimizer.zero_grad()
            for _ in range(parts):
                model(inputs).square().mean().backward()
            optimizer.step()
    with Run.open(tmp_path) as run:
        assert run.fact(End).backward_passes == 300 * parts


def test_uses_of_a_graph_are_those_of_the_least_used_parameter() -> None:
    shared, head = nn.Linear(2, 2), nn.Linear(2, 1)
    x = torch.ones(1, 2)
    assert GraphWalk(head(shared(shared(x))).sum()).uses == 1
    assert GraphWalk((shared(x) + shared(x)).sum()).uses == 2

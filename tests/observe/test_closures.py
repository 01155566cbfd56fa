"""Updates with closures: which of them are quiet, and what is recorded of those that turn out to be others."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from unstuck.observe import Observer
from unstuck.observe.torch_hooks import events
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import End

STEPS, LATER = 400, 300


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_optimizers", weakref.WeakKeyDictionary())


class LooksTwice(SGD):
    """Calls its closure a second time from some step on, as a line search does."""

    calls = 0

    def step(self, closure: Any = None) -> Any:
        LooksTwice.calls += 1
        if LooksTwice.calls > LATER:
            with torch.enable_grad():
                closure()
        return super().step(closure)


def train(folder: Path, optimizer: Any, model: nn.Module, within: Callable[[], None]) -> tuple[Run, list[float]]:
    """Train by closures; the run, and the loss at the beginning of each step."""
    torch.manual_seed(0)
    inputs, targets, losses = torch.randn(8, 3), torch.randn(8, 1), list[float]()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        within()
        return loss

    with RunWriter(folder) as writer, Observer(model, optimizer, writer):
        for _ in range(STEPS):
            with events.Ours():
                losses.append(nn.functional.mse_loss(model(inputs), targets).item())
            optimizer.step(closure)
    return Run.open(folder), losses


def test_of_a_closure_that_is_called_again_the_first_loss_counts(tmp_path: Path) -> None:
    model = nn.Linear(3, 1)
    LooksTwice.calls = 0
    run, losses = train(tmp_path, LooksTwice(model.parameters(), lr=0.01), model, lambda: None)
    recorded, end = run.series(signals.LOSS), run.fact(End)
    assert recorded.steps.tolist() == list(range(STEPS))
    assert recorded.values == pytest.approx(losses, rel=1e-5)
    assert end is not None
    assert end.steps == STEPS


class TriesAgain(SGD):
    """Calls its closure anew where that raises."""

    def step(self, closure: Any = None) -> Any:
        try:
            return super().step(closure)
        except ArithmeticError:
            return super().step(closure)


def test_a_closure_that_raises_before_its_end_leaves_the_next_steps_as_they_are(tmp_path: Path) -> None:
    model, calls = nn.Linear(3, 1), iter(range(2 * STEPS))

    def within() -> None:
        if next(calls) in (350, 352):
            raise ArithmeticError

    run, losses = train(tmp_path, TriesAgain(model.parameters(), lr=0.01), model, within)
    recorded = run.series(signals.LOSS)
    assert next(calls) == STEPS + 2
    assert recorded.steps.tolist() == list(range(STEPS))
    assert recorded.values == pytest.approx(losses, rel=1e-5)

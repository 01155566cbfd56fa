from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from unstuck.observe import Session
from unstuck.record import Run, RunWriter
from unstuck.record.facts import GradientChange

Between = Callable[[nn.Module, torch.optim.Optimizer], object]


def changes(
    folder: Path, between: Between, *, after: Between | None = None, steps: int = 6
) -> tuple[GradientChange, ...]:
    torch.manual_seed(0)
    with RunWriter(folder) as writer, Session(writer, budget=1.0):
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(torch.ones(4, 3)), torch.full((4, 2), 9.0)).backward()
            between(model, optimizer)
            optimizer.step()
            if after is not None:
                after(model, optimizer)
    with Run.open(folder) as run:
        return run.facts(GradientChange)


def nothing(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Leave gradients alone."""


def scale(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for parameter in model.parameters():
        assert parameter.grad is not None
        parameter.grad *= 0.01


def replace(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for parameter in model.parameters():
        assert parameter.grad is not None
        parameter.grad = -parameter.grad


def through_data(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for parameter in model.parameters():
        gradient: Tensor | None = parameter.grad
        assert gradient is not None
        gradient.data.clamp_(-0.01, 0.01)


@pytest.mark.parametrize(
    ("between", "name", "kept", "cosine"),
    [
        (lambda m, o: clip_grad_norm_(m.parameters(), 1e-3), "clip_grad_norm_", 1e-3, 1.0),
        (lambda m, o: clip_grad_value_(m.parameters(), 1e-3), "clip_grad_value_", 1e-3, 1.0),
        (lambda m, o: o.zero_grad(), "zero_grad", 0.0, 0.0),
        (lambda m, o: o.zero_grad(set_to_none=False), "zero_grad", 0.0, 0.0),
        (scale, "mul_", 0.01, 1.0),
        (replace, "__set__", 1.0, -1.0),
        (through_data, "clamp_", 0.01, 1.0),
    ],
)
def test_who_changes_gradients_and_by_how_much(
    tmp_path: Path, between: Between, name: str, kept: float, cosine: float
) -> None:
    found = changes(tmp_path, between)
    assert [change.step for change in found] == [0, 1, 2, 4]
    for change in found:
        assert change.calls[0].name == name
        assert change.calls[0].file == __file__
        assert change.after <= max(2.0 * kept, kept * change.before * 1.01)
        assert change.cosine == pytest.approx(cosine, abs=0.2)
        assert change.scale == 1.0


def test_gradients_that_nobody_changes(tmp_path: Path) -> None:
    for change in changes(tmp_path, nothing):
        assert change.after == pytest.approx(change.before)
        assert change.cosine == pytest.approx(1.0, abs=1e-4)
        assert change.calls == ()


def test_weights_that_are_clipped_after_the_update_are_no_gradients(tmp_path: Path) -> None:
    def clip(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.clamp_(-0.5, 0.5)

    assert not any(change.late for change in changes(tmp_path, lambda *_: None, after=clip))


def test_what_comes_after_the_update_is_late(tmp_path: Path) -> None:
    found = changes(tmp_path, nothing, after=lambda m, o: clip_grad_norm_(m.parameters(), 1.0))
    assert "clip_grad_norm_" in {call.name for change in found[1:] for call in change.late}
    assert not any(change.calls for change in found)


@pytest.mark.parametrize("unscales", [True, False])
def test_the_order_of_unscaling_and_clipping(tmp_path: Path, unscales: bool) -> None:
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for _ in range(3):
            optimizer.zero_grad()
            scaler.scale(model(torch.ones(4, 3)).square().mean()).backward()
            if unscales:
                scaler.unscale_(optimizer)
            clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
    with Run.open(tmp_path) as run:
        found = run.facts(GradientChange)
    expected = ["unscale_", "clip_grad_norm_"] if unscales else ["clip_grad_norm_", "unscale_"]
    assert [[call.name for call in change.calls] for change in found] == [expected] * 3
    assert {change.scale for change in found} == {1024.0}


@pytest.mark.parametrize("closure", [True, False])
def test_functions_are_not_looked_at_in_steps_that_are_not_sampled(tmp_path: Path, closure: bool) -> None:
    """As libraries do that hand their step to the optimizer: the backward pass comes when the update has begun."""
    model, modes = nn.Linear(3, 2), list[int]()

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = nn.functional.mse_loss(model(torch.ones(4, 3)), torch.full((4, 2), 9.0))
        value.backward()
        return value

    with RunWriter(tmp_path) as writer, Session(writer, budget=1e-9):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(60):
            modes.append(torch._C._len_torch_function_stack())  # pyright: ignore
            if closure:
                optimizer.step(loss)
            else:
                loss()
                optimizer.step()
    assert modes[20:].count(0) > 30

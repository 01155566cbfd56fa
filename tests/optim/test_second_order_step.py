from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.optim import HessianFree, Newton

METHODS = [Newton, HessianFree]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("closure", "message"),
    [
        (None, "received none"),
        (lambda w: 3.0, "received float"),
        (lambda w: w**2, "received a tensor of 2 elements with a graph"),
        (lambda w: (w**2).sum().detach(), "received a tensor of 1 elements without a graph"),
        (lambda w: ((w**2).sum(), w, w), "received tuple"),
        (lambda w: backward((w**2).sin().sum()), "received one that calls it"),
    ],
)
def test_a_wrong_closure_is_one_message(method: Any, closure: Any, message: str) -> None:
    w = nn.Parameter(torch.ones(2))
    optimizer = method([w])
    with pytest.raises(ArgumentError, match=f"^closure: .*{message}"):
        optimizer.step(closure and (lambda: closure(w)))
    assert w.tolist() == [1.0, 1.0]


def backward(loss: torch.Tensor) -> torch.Tensor:
    loss.backward()
    return loss


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrong", [{"lr": -1.0}, {"damping": float("nan")}])
def test_wrong_numbers_are_refused(method: Any, wrong: dict[str, float]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        method([nn.Parameter(torch.ones(2))], **wrong)


@pytest.mark.parametrize("method", METHODS)
def test_no_step_raises_the_loss(method: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1)).double()
    x, y = torch.randn(30, 4).double(), torch.randn(30, 1).double()
    optimizer = method(model.parameters(), damping=1e-6)
    losses = [float(optimizer.step(lambda: nn.functional.mse_loss(model(x), y))) for _ in range(15)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("method", METHODS)
def test_damping_follows_how_well_the_model_foretells(method: Any) -> None:
    w = nn.Parameter(torch.tensor([3.0], dtype=torch.float64))
    good = method([w], damping=1.0)
    good.step(lambda: (w**2).sum())
    assert good.param_groups[0]["damping"] == pytest.approx(2.0 / 3.0)
    far = nn.Parameter(torch.tensor([3.0], dtype=torch.float64))
    bad = method([far], damping=1e-3)
    bad.step(lambda: torch.sqrt(1.0 + far**2).sum())  # Newton's step from 3 leads to -27
    assert bad.param_groups[0]["damping"] > 1e-3
    assert abs(float(far.detach())) < 3.0


@pytest.mark.parametrize("method", METHODS)
def test_a_loss_that_is_not_finite_moves_nothing(method: Any) -> None:
    w = nn.Parameter(torch.tensor([1.0]))
    method([w]).step(lambda: (w * float("nan")).sum())
    assert w.tolist() == [1.0]
    walled = nn.Parameter(torch.tensor([0.5], dtype=torch.float64))
    optimizer = method([walled], damping=1e-9)
    for _ in range(60):
        optimizer.step(lambda: (walled - walled.log()).sum())  # not defined below 0, with its minimum at 1
    assert float(walled.detach()) == pytest.approx(1.0, abs=1e-4)

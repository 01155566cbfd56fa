from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.optim import HessianFree, Momentum


def problem(seed: int = 0) -> tuple[nn.Module, torch.Tensor]:
    """An autoencoder of six layers, on points along a curve."""
    torch.manual_seed(seed)
    t = torch.linspace(0.0, 3.0, 60).double()
    points = torch.stack([(k * t + k).sin() for k in range(1, 9)], dim=1)
    sizes = (8, 12, 8, 2, 8, 12, 8)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.Tanh()]
    return nn.Sequential(*layers[:-1]).double(), points


def test_a_deep_autoencoder_takes_far_fewer_steps_than_momentum() -> None:
    model, points = problem()
    optimizer = HessianFree(model.parameters(), damping=0.1)

    def closure() -> tuple[torch.Tensor, torch.Tensor]:
        outputs = model(points)
        return nn.functional.mse_loss(outputs, points), outputs

    for _ in range(60):
        loss = float(optimizer.step(closure))
    lowest = []
    for rate in (0.03, 0.1, 0.3, 1.0):
        model, points = problem()
        momentum = Momentum(model.parameters(), lr=rate, momentum=0.9)
        for _ in range(300):
            momentum.zero_grad()
            value = nn.functional.mse_loss(model(points), points)
            value.backward()
            momentum.step()
        lowest.append(float(value.detach()))
    assert loss < 0.5 * min(lowest)


def test_with_the_hessian_it_leaves_a_saddle() -> None:
    w = nn.Parameter(torch.tensor([1e-3, 1e-3], dtype=torch.float64))
    optimizer = HessianFree([w], damping=1e-3)
    for _ in range(60):
        optimizer.step(lambda: (1 - w[0] * w[1]) ** 2)
    assert float((w[0] * w[1]).detach()) == pytest.approx(1.0, abs=1e-3)


def test_it_begins_at_a_share_of_the_last_step() -> None:
    w = nn.Parameter(torch.tensor([3.0, 1.0], dtype=torch.float64))
    optimizer = HessianFree([w], damping=0.5)
    optimizer.step(lambda: (w**4).sum())
    first = optimizer.state[w]["direction"].clone()
    assert float(first.norm()) > 0.0
    saved = optimizer.state_dict()
    assert torch.equal(saved["state"][0]["direction"], first)


def test_options_are_checked() -> None:
    w = [nn.Parameter(torch.ones(1))]
    for wrong in ({"rounds": 0}, {"progress": 1.0}, {"decay": -0.1}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            HessianFree(w, **wrong)

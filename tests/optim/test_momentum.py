"""The three conventions of momentum trace one path, and part when the rate changes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unstuck.optim import SGD, AveragedMomentum, Momentum


def path(optimizer_of, rates):
    w = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = optimizer_of([w])
    points = []
    for factor in rates:
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * factor
        optimizer.zero_grad()
        (w**2 * torch.tensor([1.0, 10.0])).sum().backward()
        optimizer.step()
        points.append(w.detach().clone())
    return torch.stack(points)


CONVENTIONS = {
    "SGD": lambda p: SGD(p, lr=0.01, momentum=0.9),
    "Momentum": lambda p: Momentum(p, lr=0.01, momentum=0.9),
    "AveragedMomentum": lambda p: AveragedMomentum(p, lr=0.01 / (1 - 0.9), momentum=0.9),
}


@pytest.mark.parametrize("name", ["Momentum", "AveragedMomentum"])
def test_one_path_while_the_rate_is_constant(name):
    rates = [1.0] * 30
    torch.testing.assert_close(path(CONVENTIONS[name], rates), path(CONVENTIONS["SGD"], rates), rtol=1e-12, atol=1e-14)


def test_paths_part_when_the_rate_falls():
    rates = [1.0] * 10 + [0.1] + [1.0] * 5
    torchs, averaged, physical = (path(CONVENTIONS[n], rates) for n in ("SGD", "AveragedMomentum", "Momentum"))
    torch.testing.assert_close(torchs, averaged, rtol=1e-12, atol=1e-14)
    assert (physical[10] - torchs[10]).abs().max() > 0.01

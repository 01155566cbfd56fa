from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from unstuck.curvature import measure
from unstuck.errors import ArgumentError


class Silent(torch.autograd.Function):
    """Its backward pass leaves out what the second derivative needs, and says nothing."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.slope = 3.0 * x.detach() ** 2
        return x**3

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return ctx.slope * grad


class Cube(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return Silent.apply(x)


def test_a_part_that_is_left_out_in_silence_is_found() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), Cube(), nn.Linear(4, 1))
    with pytest.raises(ArgumentError, match=r"Silent\.backward .* or a wrong one: .* differs by \d+%"):
        measure(model, nn.functional.mse_loss, (torch.randn(20, 3), torch.randn(20, 1)))


def test_rectifiers_agree() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
    found = measure(model, nn.functional.mse_loss, (torch.randn(200, 3), torch.randn(200, 1)), probes=2, runs=1)
    assert found.notes == ()


def test_kinks_without_a_hand_written_function_are_a_remark() -> None:
    class Steps(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * (1e4 * x.detach()).sin()

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), Steps(), nn.Linear(4, 1))
    found = measure(model, nn.functional.mse_loss, (torch.randn(20, 3), torch.randn(20, 1)), probes=2, runs=1)
    assert any("differs by" in note for note in found.notes)

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from unstuck.curvature import measure
from unstuck.errors import ArgumentError


class Odd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.sinh()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return ctx.saved_tensors[0].cosh() * grad


class Inner(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return Odd.apply(x)


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.inner, self.after = nn.Linear(3, 3), Inner(), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.inner(self.before(x)))


def test_the_innermost_module_is_named() -> None:
    model = nn.Sequential(nn.Linear(3, 3), Outer())
    with pytest.raises(ArgumentError, match=r"^1\.inner \(Inner\) has no second derivative.*Odd\.backward"):
        measure(model, nn.functional.cross_entropy, (torch.randn(4, 3), torch.tensor([0, 1, 0, 1])))


def test_a_model_that_calls_it_itself_is_named() -> None:
    class Whole(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return Odd.apply(super().forward(x))

    with pytest.raises(ArgumentError, match=r"^the model \(Whole\) has no second derivative"):
        measure(Whole(3, 2), nn.functional.cross_entropy, (torch.randn(4, 3), torch.tensor([0, 1, 0, 1])))

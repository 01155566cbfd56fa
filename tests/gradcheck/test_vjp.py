"""The backward pass of one call as a function: proportional or not, and by which factor."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import Function

from unstuck.gradcheck.overhear import Call
from unstuck.gradcheck.vjp import VJP

X = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)


class Scaled(Function):
    """Returns its first argument; scales its gradient by the second, which is no tensor, to a power."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float, power: int) -> Tensor:
        ctx.factor, ctx.power = factor, power
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.factor * gradient**ctx.power, None, None


class Two(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.clone(), 2 * x

    @staticmethod
    def backward(ctx: Any, one: Tensor, two: Tensor) -> Tensor:
        return one + 2 * two


def of(factor: float, power: int) -> VJP:
    given = torch.tensor([0.5, -0.1, 2.0], dtype=torch.float64)
    return VJP.of(Call(kind=Scaled, arguments=(X, factor, power)), (given,))


@pytest.mark.parametrize("factor", [2.0, -0.3, 1.0])
def test_a_factor_of_what_is_returned(factor: float) -> None:
    vjp = of(factor, 1)
    assert vjp.factor() == pytest.approx(factor)
    assert vjp.proportional(2.0)
    assert vjp.proportional(-1.0)


def test_a_power_is_no_factor_and_not_proportional() -> None:
    assert of(1.0, 2).factor() is None
    assert not of(1.0, 2).proportional(2.0)
    assert not of(1.0, 0).proportional(1e-3)


def test_outputs_that_nothing_came_back_to_count_as_zero() -> None:
    vjp = VJP.of(Call(kind=Two, arguments=(X,)), (None, torch.ones(3)))
    assert vjp.result[0].tolist() == [2.0, 2.0, 2.0]
    assert vjp.factor() is None
    assert len(VJP.of(Call(kind=Two, arguments=(X,)), None).incoming) == 2

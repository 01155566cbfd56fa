"""What a hand-written function does in place of a derivative is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import Function

from unstuck.gradcheck.alone import alone
from unstuck.gradcheck.overhear import Call
from unstuck.gradcheck.steady import steady


def call(forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor, Tensor], Tensor]) -> Call:
    class Own(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return backward(gradient, *ctx.saved_tensors)

    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Call(kind=Own, arguments=(x.requires_grad_(),))


INCOMING = (torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64),)


def same(x: Tensor) -> Tensor:
    return x.view_as(x)


@pytest.mark.parametrize(
    ("forward", "backward", "kind", "why"),
    [
        (same, lambda g, x: -0.7 * g, "reversal", ""),
        (same, lambda g, x: 2 * g, "wrong", "multiplies by 2 the gradient"),
        (same, lambda g, x: 0 * g, "wrong", "multiplies by 0 the gradient"),
        (same, lambda g, x: g / g.norm(), "wrong", "size"),
        (same, lambda g, x: g.sign(), "wrong", "size"),
        (torch.sin, lambda g, x: (x.cos() * g).clamp(-0.2, 0.2), "wrong", "size"),
        (torch.sin, lambda g, x: x.cos() * g * (g > 0), "wrong", "sign"),
        (torch.sin, lambda g, x: 1 - g * x, "wrong", "size"),
        (torch.sin, lambda g, x: g * x, "wrong", ""),
        (torch.sin, lambda g, x: (1 + 5e-5) * g * x.cos(), "slight", ""),
        (torch.round, lambda g, x: g * (x.abs() < 1), "straight-through", ""),
        (torch.round, lambda g, x: g * (1 + 0.1 * g.sign()), "straight-through", ""),
        (torch.round, lambda g, x: g / g.norm(), "wrong", "size"),
    ],
)
@pytest.mark.parametrize("incoming", [INCOMING, None])
def test_kinds_and_reasons(
    forward: Callable[[Tensor], Tensor],
    backward: Callable[[Tensor, Tensor], Tensor],
    kind: str,
    why: str,
    incoming: Any,
) -> None:
    if why == "sign" and incoming is None:
        return  # all irregular gradients are positive
    with steady(torch.float64):
        fault = alone(call(forward, backward), incoming)
    assert fault is not None
    assert fault.kind == kind, fault
    assert why in fault.why
    assert bool(why) == bool(fault.why)


def test_right_functions_have_no_fault() -> None:
    with steady(torch.float64):
        assert alone(call(torch.sin, lambda g, x: g * x.cos()), INCOMING) is None
        # Right for what comes in, though not for larger gradients.
        assert alone(call(torch.sin, lambda g, x: (g * x.cos()).clamp(-9, 9)), INCOMING) is None

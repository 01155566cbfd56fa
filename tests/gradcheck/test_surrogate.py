"""Straight-through estimators and reversals are recognised; what only looks like them is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from unstuck.gradcheck import check_gradients


def function(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor, Tensor], Tensor]
) -> Callable[..., Tensor]:
    class Own(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return backward(gradient, *ctx.saved_tensors)

    return Own.apply


class Between(nn.Module):
    def __init__(self, run: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before, self.after = nn.Linear(4, 4), nn.Linear(4, 3)
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.run(self.before(x)))


def hooked(factor: float) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        y = x.clone()
        if y.requires_grad:
            y.register_hook(lambda g: factor * g)
        return y

    return run


BATCH = torch.randn(4, 4, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 2, 1, 1])
MEANT: dict[str, Callable[[Tensor], Tensor]] = {
    "round": function(lambda x: (3 * x).round(), lambda g, x: 3 * g),
    "sign, clipped": function(torch.sign, lambda g, x: g * (x.abs() < 1)),
    "threshold of a spike": function(lambda x: (x > 0.1).to(x.dtype), lambda g, x: g / (1 + x.abs()) ** 2),
    "by detach": lambda x: x + ((3 * x).round() - 3 * x + 2 * x).detach(),
    "by detach of a sign": lambda x: x.tanh() + (x.sign() - x.tanh()).detach(),
    "hard sample": lambda x: functional.gumbel_softmax(x, hard=True),
    "reversal": function(lambda x: x.view_as(x), lambda g, x: -g),
    "reversal, scaled": function(lambda x: x.clone(), lambda g, x: -0.3 * g),
    "reversal by detach": lambda x: 2 * x.detach() - x,
    "reversal by detach, scaled": lambda x: 1.3 * x.detach() - 0.3 * x,
    "reversal by a hook": hooked(-1.0),
    "reversal by a hook, scaled": hooked(-0.3),
}


@pytest.mark.parametrize("name", MEANT)
def test_what_is_meant_is_recognised_and_exclude_is_offered(name: str) -> None:
    check = check_gradients(Between(MEANT[name]), functional.cross_entropy, BATCH, examples=4)
    assert (check.verdict, check.ok) == ("surrogate", False), str(check)
    assert "reversal" in check.reason if "reversal" in name else "straight-through" in check.reason
    assert "exclude=['before.weight', 'before.bias', 'input']" in check.advice
    assert ("a minus lost" if "reversal" in name else "does not move") in check.advice
    names = ["before.weight", "before.bias", "input"]
    again = check_gradients(Between(MEANT[name]), functional.cross_entropy, BATCH, examples=4, exclude=names)
    assert again.verdict == "right", str(again)
    assert [tensor.name for tensor in again.tensors] == ["after.weight", "after.bias"]


FAULTS: dict[str, Callable[[Tensor], Tensor]] = {
    "sign lost": function(torch.sin, lambda g, x: -g * x.cos()),
    "mask forgotten": function(torch.relu, lambda g, x: g),
    "identity for tanh": function(torch.tanh, lambda g, x: g),
    "half": lambda x: 0.5 * x + 0.5 * x.detach(),
    "doubled": function(lambda x: x.view_as(x), lambda g, x: 2 * g),
    "doubled by a hook": hooked(2.0),
    "normalised": function(lambda x: x.view_as(x), lambda g, x: g / g.norm()),
    "squared": function(lambda x: x.view_as(x), lambda g, x: 50 * g * g),
    "reversal, squared": function(lambda x: x.view_as(x), lambda g, x: -g * g.abs()),
    "reversal, by column": function(lambda x: x.view_as(x), lambda g, x: -g * torch.arange(1.0, 5.0)),
    "step, normalised": function(torch.sign, lambda g, x: g / g.norm()),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_only_looks_alike_is_wrong(name: str) -> None:
    check = check_gradients(Between(FAULTS[name]), functional.cross_entropy, BATCH, examples=4)
    assert check.verdict == "wrong", str(check)


def test_a_fault_behind_which_no_estimator_stands_is_wrong_beside_one() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.one, self.two = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return MEANT["round"](self.one(x)) + 0.5 * self.two(x) + 0.5 * self.two(x).detach()

    check = check_gradients(Two(), functional.cross_entropy, BATCH, examples=4, inputs=False)
    assert check.verdict == "wrong", str(check)


def test_a_constant_that_is_no_step_is_no_estimator() -> None:
    check = check_gradients(Between(lambda x: x - x.detach()), functional.cross_entropy, BATCH, examples=4)
    assert check.verdict == "wrong", str(check)

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from unstuck.preflight import Subject
from unstuck.preflight.gradients import gradients

Make = Callable[..., Subject]


class Wrong(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class Model(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return Wrong.apply(super().forward(x))


def test_a_right_gradient_passes_with_the_v_shape(subject: Make) -> None:
    check = gradients(subject())
    assert check.status == "passed"
    assert check.curves[0].log_x
    assert check.curves[0].mark in check.curves[0].x


def test_a_wrong_function_is_placed(subject: Make) -> None:
    check = gradients(subject(Model(8, 3)))
    assert (check.status, check.cause) == ("failed", "gradient-wrong")
    assert check.where.file == __file__
    assert check.where.line == inspect.getsourcelines(Wrong.backward)[1]


def test_randomness_of_its_own_is_no_wrong_gradient(subject: Make) -> None:
    drawn = torch.Generator().manual_seed(1)

    def noisy(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs + torch.rand((), generator=drawn) * outputs, targets)

    check = gradients(subject(loss=noisy))
    assert (check.status, check.cause) == ("failed", "not-repeatable")


class Rounding(nn.Module):
    """A straight-through estimator: forward takes the sign, backward passes by it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before, self.after = nn.Linear(8, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        z = self.before(x)
        return self.after(z + (z.sign() - z).detach())


def test_what_differs_on_purpose_is_left_out_by_name_and_the_rest_is_checked(subject: Make) -> None:
    check = gradients(subject(Rounding()))
    assert check.status == "noted"
    assert "exclude=" in check.advice
    apart = gradients(subject(Rounding(), exclude=["before.*"]))
    assert apart.status == "passed"
    assert "left out: before.*" in apart.reason
    assert apart.curves[1].labels == ("after.weight", "after.bias")


class Reversing(nn.Linear):
    """A reversal of the gradient, as for domain adaptation."""

    def forward(self, x: Tensor) -> Tensor:
        z = super().forward(x)
        return 2 * z.detach() - z


def test_a_reversal_is_no_cross_and_a_sign_that_was_lost_is_one(subject: Make) -> None:
    meant = gradients(subject(Reversing(8, 3)))
    assert (meant.status, meant.cause) == ("noted", "")
    assert "exclude=" in meant.advice


def test_where_nothing_could_be_compared_there_is_no_tick(subject: Make) -> None:
    model = nn.Sequential(nn.ReLU(), nn.Linear(8, 3, bias=False))
    with torch.no_grad():
        model[1].weight.zero_()
    check = gradients(subject(model, lambda o, t: o.relu().sum()))
    assert check.status == "noted"
    assert "nothing checked" in check.reason

"""Reentrant checkpoints: right where they work, named where they leave a layer without gradient."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional
from torch.utils.checkpoint import CheckpointFunction, checkpoint

from unstuck.gradcheck import check_gradients
from unstuck.gradcheck.reentrant import opened


class Bad(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.sin()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class Model(nn.Module):
    """Its first layer lies in a checkpoint; another may stand before it."""

    def __init__(
        self, *, before: bool, activation: Callable[[Tensor], Tensor] = torch.tanh, reentrant: bool = True
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before = nn.Linear(4, 4) if before else nn.Identity()
        self.inside, self.after = nn.Linear(4, 4), nn.Linear(4, 3)
        self.activation, self.reentrant = activation, reentrant

    def forward(self, x: Tensor) -> Tensor:
        hidden = checkpoint(lambda h: self.activation(self.inside(h)), self.before(x), use_reentrant=self.reentrant)
        return self.after(hidden)


X, Y = torch.randn(4, 4, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 2, 1, 1])


@pytest.mark.parametrize("inputs", [True, False])
def test_a_layer_that_gets_no_gradient_from_a_plain_batch_is_named(inputs: bool) -> None:
    check = check_gradients(Model(before=False), functional.cross_entropy, (X, Y), inputs=inputs)
    assert check.verdict == "wrong", str(check)
    assert {t.name for t in check.tensors if t.verdict == "wrong"} == {"inside.weight", "inside.bias"}
    assert "use_reentrant=False" in check.advice


@pytest.mark.parametrize("inputs", [True, False])
@pytest.mark.parametrize(
    ("model", "x"),
    [
        (Model(before=False), X.clone().requires_grad_()),
        (Model(before=True), X),
        (Model(before=False, reentrant=False), X),
    ],
)
def test_where_the_checkpoint_gets_something_that_needs_a_gradient_it_is_right(
    model: nn.Module, x: Tensor, inputs: bool
) -> None:
    check = check_gradients(model, functional.cross_entropy, (x, Y), inputs=inputs)
    assert check.verdict == "right", str(check)
    assert {"inside.weight", "inside.bias"} <= {t.name for t in check.tensors}


def test_a_model_that_is_checkpointed_as_a_whole_is_named() -> None:
    class Whole(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(super().forward, x, use_reentrant=True)

    check = check_gradients(Whole(4, 3), functional.cross_entropy, (X, Y))
    assert check.verdict == "wrong"
    assert "use_reentrant=False" in check.advice


def test_a_faulty_function_inside_is_blamed() -> None:
    check = check_gradients(Model(before=True, activation=Bad.apply), functional.cross_entropy, (X, Y))
    assert check.verdict == "wrong"
    assert [culprit.function.name for culprit in check.culprits] == ["Bad"]
    assert check.culprits[0].function.behind == {
        "inside.weight",
        "inside.bias",
        "before.weight",
        "before.bias",
        "input",
    }


def test_second_derivatives_are_those_of_the_opened_checkpoint() -> None:
    check = check_gradients(Model(before=True), functional.cross_entropy, (X, Y), order=2)
    assert (check.verdict, check.tensors[-1].checked) == ("right", 1)


def test_checkpoints_of_other_threads_stay_closed_and_all_are_put_back() -> None:
    def run() -> str:
        return checkpoint(torch.sin, X.clone().requires_grad_(), use_reentrant=True).grad_fn.name()

    names: list[str] = []
    with opened():
        other = threading.Thread(target=lambda: names.append(run()))
        other.start()
        other.join()
        names.append(run())
    assert [*names, run()] == ["CheckpointFunctionBackward", "SinBackward0", "CheckpointFunctionBackward"]
    assert "apply" not in vars(CheckpointFunction)

"""Hand-written backward passes, right and wrong, and those that differ from the derivative on purpose."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import Function

from unstuck.gradcheck.overhear import Call
from unstuck.gradcheck.recorded import check_call
from unstuck.observe.autograd.custom_functions import CustomFunctions, described
from unstuck.observe.observer import Observer
from unstuck.record import Run, RunWriter
from unstuck.record.facts import CustomFunction, Graph


class Square(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return 2 * ctx.saved_tensors[0] * grads[0]


class WrongSquare(Square):
    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return ctx.saved_tensors[0] * grads[0]


class LateSquare(Function):
    """With a separate setup_context, and a wrong sign."""

    @staticmethod
    def forward(x: Tensor, power: int) -> Tensor:
        return x**power

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return -2 * ctx.saved_tensors[0] * grads[0], None


class Product(Function):
    """Forgets the second factor's gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0] @ ctx.saved_tensors[1].T, None


class Rectifier(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0] * (ctx.saved_tensors[0] > 0)


class Reversal(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return -grads[0]


class Sign(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.sign()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


class Quantise(Sign):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x * 255).round() / 255


class PassingClamp(Sign):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clamp(-0.5, 0.5)


class Noisy(Square):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        print("forward")
        random.random()
        np.random.rand()
        mask = (torch.rand_like(x) > 0.5).to(x.dtype)
        ctx.save_for_backward(x * mask)
        return x * x * mask


class InPlace(Square):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x.clone())
        ctx.mark_dirty(x)
        return x.mul_(x.clone())


class Single(WrongSquare):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.float()
        ctx.save_for_backward(x)
        return x * x


def check(function: type[Function], arguments: tuple[Any, ...]) -> CustomFunction:
    return described(function, check_call(Call(kind=function, arguments=arguments)))


def values(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).requires_grad_()


@pytest.mark.parametrize("function", [Square, Rectifier, Noisy, InPlace])
def test_right_ones_agree(function: type[Function]) -> None:
    error = check(function, (values(8, 5),)).relative_error
    assert error is not None
    assert error < 1e-4


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        (WrongSquare, (values(8, 5),), 0.5),
        (LateSquare, (values(8, 5), 2), 2.0),
        (Product, (values(8, 5), values(5, 3)), 1.0),
    ],
)
def test_wrong_ones_do_not(function: type[Function], arguments: tuple[Any, ...], error: float) -> None:
    assert check(function, arguments).relative_error == pytest.approx(error, rel=1e-3)


def test_an_identity_may_have_any_gradient() -> None:
    fact = check(Reversal, (values(8, 5),))
    assert fact.identity
    assert fact.relative_error is None


@pytest.mark.parametrize("function", [Sign, Quantise, PassingClamp])
def test_a_step_may_let_gradients_through(function: type[Function]) -> None:
    fact = check(function, (values(8, 5),))
    assert fact.numerical_zero
    assert fact.relative_error is None


def test_what_cannot_be_checked_in_double_precision_is_left() -> None:
    assert check(Single, (values(8, 5),)).relative_error is None


def test_nothing_is_printed_and_no_random_state_moves(capsys: pytest.CaptureFixture[str]) -> None:
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]
    check(Noisy, (values(8, 5),))
    assert torch.equal(states[0], torch.get_rng_state())
    assert (states[1], states[2]) == (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]
    assert capsys.readouterr().out == ""


def test_a_function_met_in_training_is_checked_and_left_as_it_was(tmp_path: Path) -> None:
    forward = vars(WrongSquare).get("forward"), vars(Square)["forward"]
    weight = torch.nn.Parameter(torch.ones(4))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    apply = WrongSquare.apply
    with RunWriter(tmp_path) as writer, Observer(None, optimizer, writer):
        for _ in range(6):
            optimizer.zero_grad()
            apply(weight).sum().backward()
            optimizer.step()
    with Run.open(tmp_path) as run:
        (function,) = run.facts(Graph)[-1].custom_functions
    assert function.name == "WrongSquare"
    assert function.relative_error == pytest.approx(0.5, rel=1e-3)
    assert (vars(WrongSquare).get("forward"), vars(Square)["forward"]) == forward


@pytest.fixture
def functions() -> Iterator[CustomFunctions]:
    functions = CustomFunctions()
    yield functions
    functions.release()
    assert "__getattribute__" not in vars(type(Function))


def test_of_several_calls_the_one_that_asks_for_most_is_checked(functions: CustomFunctions) -> None:
    functions.meet([Product])
    Product.apply(values(8, 5).detach(), values(5, 3).detach())
    assert not functions.overheard()
    Product.apply(values(8, 5), values(5, 3).detach())
    assert functions.overheard()
    Product.apply(values(8, 5), values(5, 3))
    (fact,) = functions.checked()
    assert fact.relative_error == pytest.approx(1.0)
    Product.apply(values(8, 5), values(5, 3))
    assert not functions.overheard()
    assert functions.meet([Product]) == (fact,)


def test_what_is_not_called_again_is_let_go_of(functions: CustomFunctions) -> None:
    (fact,) = functions.meet([Square])
    functions.release()
    Square.apply(values(3))
    assert not functions.overheard()
    assert (fact.name, fact.relative_error) == ("Square", None)


def test_what_is_seldom_called_is_not_waited_for(functions: CustomFunctions) -> None:
    for _ in range(20):
        functions.meet([Square])
    assert "__getattribute__" not in vars(type(Function))


def test_calls_that_copies_cannot_repeat_are_left(functions: CustomFunctions) -> None:
    functions.meet([LateSquare, Square])
    torch.func.grad(lambda x: LateSquare.apply(x, 2).sum())(torch.ones(3))
    Square.apply(values(2**10, 2**10 + 1))
    assert not functions.overheard()


def test_where_processes_train_together_nothing_is_repeated(
    functions: CustomFunctions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    functions.meet([Square])
    Square.apply(values(3))
    assert not functions.overheard()


def test_the_time_of_all_checks_is_bounded(functions: CustomFunctions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "_left", 0.0)
    functions.meet([WrongSquare])
    WrongSquare.apply(values(3))
    (fact,) = functions.checked()
    assert fact.relative_error is None

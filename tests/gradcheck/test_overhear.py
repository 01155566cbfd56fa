"""Calls of hand-written functions, heard without touching their classes."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import Function

from unstuck.gradcheck.overhear import first_calls, overhear


class Double(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        return factor * x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return 2.0 * grads[0], None


class Heir(Double):
    """Inherits its forward pass."""


class Power(Function):
    """With a separate context, and arguments by name."""

    @staticmethod
    def forward(x: Tensor, power: int = 2) -> Tensor:
        return x**power

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return 2.0 * ctx.saved_tensors[0] * grads[0], None


META = type(Function)
BOUND = Double.apply, Heir.apply
"""As in the tutorials, before anybody listens."""


def test_the_first_call_is_noted_and_the_class_is_never_touched() -> None:
    before = dict(vars(Double))
    x = torch.arange(3.0)
    with first_calls([Double]) as calls:
        assert dict(vars(Double)) == before
        Double.apply(x, 2.0)
        x += 1.0
        Double.apply(x, 3.0)
    tensor, factor = calls[Double].arguments
    assert torch.equal(tensor, torch.arange(3.0))
    assert factor == 2.0
    assert "__getattribute__" not in vars(META)


def test_of_a_family_the_one_that_is_called_is_heard() -> None:
    heard: list[tuple[Any, ...]] = []
    stop = overhear(Heir, heard.append)
    BOUND[0](torch.ones(2), 1.0)
    assert heard == []
    BOUND[1](torch.ones(2), 2.0)
    stop()
    stop()
    BOUND[1](torch.ones(2), 3.0)
    assert [arguments[1] for arguments in heard] == [2.0]


def test_arguments_by_name_and_a_separate_context() -> None:
    with first_calls([Power]) as calls:
        value = Power.apply(torch.full((2,), 3.0), power=3)
        assert torch.equal(Power.forward(torch.ones(1), 5), torch.ones(1))
    assert torch.equal(value, torch.full((2,), 27.0))
    assert calls[Power].arguments[1] == 3


def test_gradients_pickling_and_new_heirs_meanwhile_are_as_ever() -> None:
    x = torch.ones(2, requires_grad=True)
    stop = overhear(Double, lambda arguments: None)
    try:
        Double.apply(x, 2.0).sum().backward()
        assert pickle.loads(pickle.dumps(Double)) is Double

        class Late(Double):
            pass

        assert vars(Late).get("forward") is None
    finally:
        stop()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.full((2,), 2.0))
    assert Late.forward is Double.forward


def test_one_that_is_changed_meanwhile_keeps_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = overhear(Double, lambda arguments: None)
    monkeypatch.setattr(Double, "forward", staticmethod(lambda ctx, x, factor: x - factor))
    assert float(Double.apply(torch.ones(()), 3.0)) == -2.0
    stop()
    assert float(Double.apply(torch.ones(()), 3.0)) == -2.0


def test_two_listeners_stop_by_themselves() -> None:
    first: list[tuple[Any, ...]] = []
    second: list[tuple[Any, ...]] = []
    stops = overhear(Double, first.append), overhear(Double, second.append)
    stops[0]()
    Double.apply(torch.ones(1), 1.0)
    stops[1]()
    assert (len(first), len(second)) == (0, 1)
    assert "__getattribute__" not in vars(META)


def test_calls_of_other_threads_while_it_comes_and_goes() -> None:
    errors: list[BaseException] = []
    done = threading.Event()

    def call() -> None:
        try:
            while not done.is_set():
                assert float(Double.apply(torch.ones(()), 2.0)) == 2.0
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    heard: list[tuple[Any, ...]] = []
    for _ in range(50):
        stop = overhear(Double, heard.append)
        Double.apply(torch.ones(()), 2.0)
        stop()
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(heard) >= 50


# Of PyTorch's compiler itself, which makes an instance of torch.autograd.Function.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_the_compiler_does_not_see_it() -> None:
    heard: list[tuple[Any, ...]] = []
    stop = overhear(Power, heard.append)
    try:
        compiled = torch.compile(lambda x: Power.apply(x, 3).sum(), backend="eager", fullgraph=True)
        x = torch.ones(2, requires_grad=True)
        compiled(x).backward()
    finally:
        stop()
    assert heard == []
    assert x.grad is not None
    assert torch.equal(x.grad, torch.full((2,), 2.0))

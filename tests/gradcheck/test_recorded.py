"""Single calls of hand-written functions: what is wrong, what is meant so, and what is left alone."""

from __future__ import annotations

import itertools
import sys
import threading
import time
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from unstuck.gradcheck.overhear import Call
from unstuck.gradcheck.recorded import CallCheck, check_call


def values(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).requires_grad_()


def check(kind: type[Function], *arguments: Any, seconds: float = 60.0) -> CallCheck:
    return check_call(Call(kind=kind, arguments=arguments), seconds=seconds)


class Scale(Function):
    """With a parameter for each channel."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        return grads[0] * weight, (grads[0] * x).sum((0, 2), keepdim=True)


class WrongScale(Scale):
    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        return grads[0] * weight, (grads[0] * x).mean((0, 2), keepdim=True)


class Mean(Function):
    """Divides by a number of examples that is an argument, and in its backward pass by that of the tensor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, examples: int) -> Tensor:
        ctx.save_for_backward(x)
        return x.square().sum() / examples

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grads[0] * 2 * x / len(x), None


class LearntStep(Function):
    """A quantiser with a learnt step (LSQ): both gradients are meant so."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor) -> Tensor:
        ctx.save_for_backward(x, step)
        return (x / step).round() * step

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, step = ctx.saved_tensors
        return grads[0], (grads[0] * ((x / step).round() - x / step)).sum()


class LastRow(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        gradient = grads[0] * ctx.saved_tensors[0].cos()
        gradient[-1] = 0.0
        return gradient


class Constants(LastRow):
    """Makes tensors of its own, of the default type."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.tensor(2.0) * (x * torch.ones(x.shape[-1])).sin()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return 2.0 * grads[0] * ctx.saved_tensors[0].cos()


class Counting(LastRow):
    calls = itertools.count()

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sin() * (1.0 + 0.01 * next(Counting.calls))


class Slow(LastRow):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        time.sleep(0.02)
        return x.sin()


class Loud(LastRow):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        print("out")
        print("err", file=sys.stderr)
        warnings.warn("loud", stacklevel=1)
        ctx.save_for_backward(x)
        return x.sin()


def test_a_parameter_is_checked_though_the_data_ask_for_nothing() -> None:
    x, weight = values(4, 3, 5), values(1, 3, 1)
    assert check(Scale, x.detach(), weight).error < 1e-6
    assert check(WrongScale, x.detach(), weight).error == pytest.approx(1 - 1 / 20, rel=1e-2)
    assert check(Scale, x.detach(), weight.detach()).verdict == "unknown"


def test_large_arguments_are_checked_by_few_examples_in_little_time() -> None:
    x, weight = values(256, 64, 64), values(1, 64, 1)
    began = time.thread_time()
    right, wrong = check(Scale, x, weight), check(WrongScale, x, weight)
    assert time.thread_time() - began < 2.0
    assert (right.verdict, wrong.verdict) == ("right", "wrong")


def test_a_number_of_examples_is_no_fault() -> None:
    assert check(Mean, values(64, 256), 64).verdict == "right"
    assert check(Mean, values(64, 256), 32).verdict == "wrong"


def test_indices_stay_within_their_tensor() -> None:
    class Take(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, places: Tensor) -> Tensor:
            ctx.save_for_backward(places, x)
            assert int(places.max()) < len(x)
            return x[places]

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
            places, x = ctx.saved_tensors
            return torch.zeros_like(x).index_add(0, places, grads[0]), None

    assert check(Take, values(64, 256), torch.arange(64).flip(0)).verdict == "right"


def test_a_learnt_quantiser_is_meant_so() -> None:
    assert check(LearntStep, values(16, 8), torch.tensor(0.1, requires_grad=True)).verdict == "step"


def test_a_forgotten_row_is_seen_among_many() -> None:
    assert check(LastRow, values(64, 8)).verdict == "wrong"


def test_tensors_of_the_default_type_do_not_narrow_it() -> None:
    assert check(Constants, values(8, 5)).error < 1e-6
    assert torch.get_default_dtype() == torch.float32


def test_what_changes_from_call_to_call_is_left() -> None:
    assert check(Counting, values(8, 5)).verdict == "unknown"


def test_what_takes_long_is_left_at_once() -> None:
    began = time.perf_counter()
    assert check(Slow, values(8, 5), seconds=0.01).verdict == "unknown"
    assert time.perf_counter() - began < 0.5
    assert check(LastRow, values(8, 5), seconds=0.0).verdict == "unknown"


def test_what_one_thread_prints_is_hidden_and_that_of_others_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def printing(ctx: Any, x: Tensor) -> Tensor:
        other = threading.Thread(target=print, args=("other",))
        other.start()
        other.join()
        return Loud.__dict__["plain"](ctx, x)

    assert check(Loud, values(2, 3)).verdict == "wrong"
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(Loud, "plain", Loud.forward, raising=False)
    monkeypatch.setattr(Loud, "forward", staticmethod(printing))
    check(Loud, values(2, 3))
    printed = capsys.readouterr()
    assert set(printed.out.split()) == {"other"}


def test_modes_of_the_program_see_nothing_and_are_put_back() -> None:
    class Seen(TorchFunctionMode):
        calls = 0

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.calls += 1
            return func(*args, **(kwargs or {}))

    x = values(8, 5)
    with Seen() as seen, torch.device("cpu"):
        call = Call(kind=LastRow, arguments=(x,))
        before = seen.calls
        assert check_call(call).verdict == "wrong"
        assert seen.calls == before
        torch.ones(2)
        assert seen.calls > before

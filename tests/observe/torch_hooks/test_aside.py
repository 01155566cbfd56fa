"""What we compute is seen by nothing of the program, and leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from unstuck.observe.torch_hooks.aside import Aside, watchable

ONES = torch.ones(4, 4)


class Dispatched(TorchDispatchMode):
    """What was dispatched."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


class Called(TorchFunctionMode):
    """What was called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("mode", [Dispatched, Called])
def test_modes_see_nothing_of_ours_and_go_on_afterwards(mode: type[Dispatched] | type[Called]) -> None:
    with mode() as seen:
        ONES.exp()
        before = list(seen.seen)
        with Aside():
            ONES.log().sum().item()
            torch.ones(3)
        assert seen.seen == before
        ONES.log()
    assert len(before) == 1
    assert len(seen.seen) == 2
    assert "log" in seen.seen[-1]


def test_operations_are_not_counted() -> None:
    with FlopCounterMode(display=False) as counter:
        ONES @ ONES
        with Aside():
            ONES @ ONES
        ONES @ ONES
    assert counter.get_total_flops() == 2 * (2 * 4**3)


def test_modes_within_each_other_all_go_on() -> None:
    with Dispatched() as outer, Dispatched() as inner, Called() as called:
        with Aside():
            ONES.exp()
        assert [outer.seen, inner.seen, called.seen] == [[], [], []]
        ONES.exp()
    assert outer.seen == inner.seen
    assert len(outer.seen) == len(called.seen) == 1


def test_a_profiler_sees_nothing_of_ours_and_goes_on_afterwards() -> None:
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        ONES.exp()
        with Aside():
            ONES.log()
        ONES.sin()
    names = {event.name for event in profiler.events()}
    assert {"aten::exp", "aten::sin"} <= names
    assert "aten::log" not in names


STATES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "gradients": nullcontext,
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "no gradients in inference": lambda: torch.inference_mode(True),
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_gradients_are_off_and_the_state_comes_back(state: Callable[[], AbstractContextManager[Any]]) -> None:
    def now() -> tuple[bool, bool]:
        return torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    weight = torch.ones(2, requires_grad=True)
    with state():
        before = now()
        with Aside():
            assert now() == (False, False)
            made = weight * 2
            assert not made.requires_grad
            assert not made.is_inference()
        assert now() == before
        assert (weight * 2).requires_grad == before[0]
        assert torch.ones(1).is_inference() == before[1]
    assert now() == (True, False)


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_an_error_of_ours_leaves_the_state_as_it_was(state: Callable[[], AbstractContextManager[Any]]) -> None:
    with state(), Dispatched() as dispatched, Called() as called:
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        with pytest.raises(ZeroDivisionError), Aside():
            raise ZeroDivisionError
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
        ONES.exp()
    assert dispatched.seen
    assert called.seen


def test_what_is_kept_of_an_evaluation_can_be_computed_with_in_training() -> None:
    with torch.inference_mode(), Aside():
        kept = torch.ones(3) * 2
    (kept * torch.ones(3, requires_grad=True)).sum().backward()
    kept.add_(1.0)


def test_subclasses_are_not_asked() -> None:
    class Proud(Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise AssertionError("this is ours")

    proud = torch.ones(2).as_subclass(Proud)
    with Aside():
        assert torch.add(proud, 1.0).sum().item() == 4.0


def test_other_threads_are_left_alone() -> None:
    states: list[bool] = []
    with Aside():
        worker = threading.Thread(target=lambda: states.append(torch.is_grad_enabled()))
        worker.start()
        worker.join()
    assert states == [True]


def test_one_within_another_is_allowed() -> None:
    with Dispatched() as seen:
        with Aside(), Aside():
            ONES.exp()
        assert torch.is_grad_enabled()
        ONES.exp()
    assert len(seen.seen) == 1


@pytest.mark.filterwarnings("ignore:`torch.jit.trace` is deprecated:DeprecationWarning")
def test_values_can_be_read_but_not_in_a_transform_or_a_trace() -> None:
    seen: list[bool] = []

    def look(x: Tensor) -> Tensor:
        seen.append(watchable())
        return x.square().sum()

    look(torch.ones(2))
    torch.func.grad(look)(torch.ones(2))
    torch.vmap(look)(torch.ones(2, 2))
    torch.jit.trace(look, torch.ones(2), check_trace=False)
    assert seen[:3] == [True, False, False]
    assert seen[3:]
    assert not any(seen[3:])
    assert watchable()

"""Warnings have the place that they have without us, and are shown as often."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR

from unstuck.observe.torch_hooks import forward, patches
from unstuck.observe.torch_hooks.warning_locations import hooked_by_us

X = torch.ones(2, 2)


class Everything:
    """Listens to all that there is."""

    thread = updates_of = None
    spent = 0.0

    def __init__(self) -> None:
        self.calls: dict[Any, Any] = dict.fromkeys([F.softmax, torch.exp, Tensor.sum], self.see)
        self.scalars = self.see

    def see(self, *_: Any, **__: Any) -> None: ...

    backward_begins = backward_ended = step_begins = step_ended = schedule_stepped = see
    module_begins = module_ended = function_failed = see

    def claims(self, module: nn.Module) -> bool:
        return False

    def failed(self, error: Exception) -> None:
        raise error


@pytest.fixture
def everything() -> Iterator[Callable[[], None]]:
    """Begins to listen."""
    listener = Everything()

    def listen() -> None:
        patches.listen(listener)
        forward.listen(listener)

    yield listen
    forward.unlisten(listener)
    patches.unlisten(listener)


class Warns(nn.Module):
    """Warns from its forward pass, of some place above it."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level

    def forward(self, x: Tensor) -> Tensor:
        warnings.warn("look", UserWarning, stacklevel=self.level)
        return x.exp()


def step_a_schedule() -> None:
    schedule = StepLR(SGD([nn.Parameter(torch.ones(1))], lr=0.1), 1)
    schedule.step()  # before the optimizer's first step, of which PyTorch warns


def within_a_step() -> None:
    class Own(SGD):
        def step(self, closure: Any = None) -> Any:
            warnings.warn("look", UserWarning, stacklevel=2)
            return super().step(closure)

    Own([nn.Parameter(torch.ones(1))], lr=0.1).step()


def within_a_backward_pass() -> None:
    weight = torch.ones(2, requires_grad=True)
    weight.register_hook(lambda gradient: warnings.warn("look", UserWarning, stacklevel=1))
    (weight * 2).sum().backward()


def of_a_function() -> None:
    F.softmax(X)  # of an implicit choice PyTorch warns some frames above


def in_construction() -> None:
    class Own(SGD):
        def __init__(self) -> None:
            warnings.warn("look", UserWarning, stacklevel=2)
            super().__init__([nn.Parameter(torch.ones(1))], lr=0.1)

    Own()


PLACES: dict[str, Callable[[], object]] = {
    **{f"a module, {level} above": (lambda level=level: Warns(level)(X)) for level in range(1, 6)},
    **{f"a module within one, {level} above": (lambda level=level: nn.Sequential(Warns(level))(X)) for level in (2, 5)},
    "a schedule": step_a_schedule,
    "a step": within_a_step,
    "a backward pass": within_a_backward_pass,
    "a function": of_a_function,
    "a constructor": in_construction,
}


def places(work: Callable[[], object], *, rule: str = "always", times: int = 1) -> list[tuple[str, str, int]]:
    """Where each warning is said to come from; PyTorch's call of a module has another line while there are hooks."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter(rule)  # pyright: ignore[reportArgumentType]
        for _ in range(times):
            work()
    lines = [warning.lineno if warning.filename != nn.modules.module.__file__ else 0 for warning in shown]
    return [(str(warning.message), warning.filename, line) for warning, line in zip(shown, lines, strict=True)]


@pytest.mark.parametrize("work", PLACES.values(), ids=PLACES.keys())
def test_a_warning_has_the_place_that_it_has_without_us(
    everything: Callable[[], None], work: Callable[[], object]
) -> None:
    expected = places(work)
    assert expected
    everything()
    assert places(work) == expected


@pytest.mark.parametrize("work", PLACES.values(), ids=PLACES.keys())
def test_a_warning_is_shown_as_often_as_without_us(everything: Callable[[], None], work: Callable[[], object]) -> None:
    expected = places(work, rule="default", times=3)
    everything()
    assert places(work, rule="default", times=3) == expected


def test_a_warning_that_is_an_error_stays_one(everything: Callable[[], None]) -> None:
    everything()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="look"):
            Warns(2)(X)
        with pytest.raises(TypeError, match="category"):
            warnings.warn("look", int)  # noqa: B028


def test_files_that_are_skipped_are_skipped(everything: Callable[[], None]) -> None:
    def warn() -> None:
        warnings.warn("look", UserWarning, 2)

    expected = places(warn)
    everything()
    assert places(warn) == expected


def test_the_detour_for_hooks_is_ours_where_a_module_has_none() -> None:
    import sys

    answers: list[bool] = []

    class Asks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            frame = sys._getframe(1)
            while frame is not None and frame.f_code.co_name != "inner":
                frame = frame.f_back
            answers.append(frame is not None and hooked_by_us(frame))
            return x

    plain, hooked = Asks(), Asks()
    hooked.register_forward_pre_hook(lambda *_: None)
    listener = Everything()
    plain(X)
    forward.listen(listener)
    plain(X)
    hooked(X)
    forward.unlisten(listener)
    assert answers == [False, True, False]

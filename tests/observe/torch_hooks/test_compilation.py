"""What is told before a program compiles, and what is taken away by then."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from unstuck.observe.torch_hooks import compilation, events, forward, patches
from unstuck.observe.torch_hooks.patches import PATCHES


class Nobody:
    """Listens to one thing, so that the patches are in place."""

    thread = updates_of = None

    def __init__(self) -> None:
        self.losses = 0

    def backward_begins(self, backward: Any) -> None:
        self.losses += 1

    def failed(self, error: Exception) -> None:
        raise error


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What is told of compilation while patches are in place."""
    told: list[str] = []
    nobody = Nobody()
    patches.listen(nobody)
    compilation.expect(partial(told.append, "first"), partial(told.append, "second"))
    yield told
    patches.unlisten(nobody)
    assert not compilation.began()
    torch.compiler.reset()


WRAPPED: dict[str, Callable[[nn.Module], Any]] = {
    "by position": lambda module: torch.compile(module, backend="eager"),
    "by keyword": lambda module: torch.compile(model=module, backend="eager"),
    "by a decorator": lambda module: torch.compile(backend="eager")(module),
    "in place": lambda module: (module.compile(backend="eager"), module)[1],
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED.keys())
def test_a_module_that_is_wrapped_is_told_at_once_and_only_once(
    told: list[str], wrap: Callable[[nn.Module], Any]
) -> None:
    modules = [nn.Linear(2, 1), nn.Linear(2, 1)]
    kept = [wrap(module) for module in modules]
    assert compilation.began()
    assert told == ["first", "second"]
    kept[0](torch.ones(1, 2))
    assert told == ["first", "second"]
    assert [any(known is module for known in compilation.modules()) for module in modules] == [True, True]


def test_modules_are_not_kept_alive(told: list[str]) -> None:
    compiled = torch.compile(nn.Linear(2, 1), backend="eager")
    assert len(compilation.modules()) == 1
    del compiled
    torch.compiler.reset()
    gc.collect()
    assert compilation.modules() == []


def test_a_function_is_told_when_it_is_first_traced(told: list[str]) -> None:
    double = torch.compile(lambda x: x * 2, backend="eager")
    assert not compilation.began()
    assert told == []
    assert double(torch.ones(2)).tolist() == [2.0, 2.0]
    assert compilation.began()
    assert told == ["first", "second"]


def test_what_a_compiler_would_trace_is_taken_away_and_the_rest_stays(told: list[str]) -> None:
    class Seeing:
        spent = 0.0
        scalars = staticmethod(lambda *_, **__: None)

        def __init__(self) -> None:
            self.calls: dict[Any, Any] = {}

    before = [patch.owner.__dict__[patch.attribute] for patch in PATCHES]
    forward.listen(Seeing())  # pyright: ignore
    assert torch._C._len_torch_function_stack() == 1
    torch.compile(nn.Linear(2, 1), backend="eager")
    after = [patch.owner.__dict__[patch.attribute] for patch in PATCHES]
    for patch, was, now in zip(PATCHES, before, after, strict=True):
        assert (now is was) == patch.compiled, patch.attribute
    assert forward.blind()
    assert torch._C._len_torch_function_stack() == 0
    assert not nn.modules.module._global_forward_pre_hooks
    assert not events.empty()


def test_patched_functions_run_within_compiled_code_as_they_do_without_us() -> None:
    def step(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            y = x * 2
        return y + x

    def outcome() -> tuple[list[float], int, int]:
        torch.compiler.reset()
        explained = torch._dynamo.explain(step)(torch.ones(2, requires_grad=True))
        compiled = torch.compile(step, backend="eager")
        return compiled(torch.ones(2)).tolist(), explained.graph_count, explained.graph_break_count

    expected = outcome()
    nobody = Nobody()
    patches.listen(nobody)
    try:
        assert outcome() == expected
    finally:
        patches.unlisten(nobody)
        torch.compiler.reset()


def test_losses_of_compiled_programs_are_told() -> None:
    nobody = Nobody()
    patches.listen(nobody)
    try:
        model = torch.compile(nn.Linear(2, 1), backend="eager")
        model(torch.ones(3, 2)).sum().backward()
        assert nobody.losses == 1
    finally:
        patches.unlisten(nobody)
        torch.compiler.reset()


def test_nothing_is_told_unless_expected() -> None:
    torch.compile(nn.Linear(2, 1), backend="eager")(torch.ones(1, 2))
    assert not compilation.began()
    torch.compiler.reset()

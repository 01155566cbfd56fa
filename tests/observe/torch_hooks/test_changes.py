from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from unstuck.observe.torch_hooks.changes import Call, InPlaceCalls


def seen_of(run: Callable[[], object]) -> list[tuple[Any, Call]]:
    seen: list[tuple[Any, Call]] = []
    watch = InPlaceCalls(lambda target, call: seen.append((target, call())))
    watch.look(wanted=True)
    try:
        run()
    finally:
        watch.look(wanted=False)
    return seen


def test_what_changes_a_tensor_is_seen_and_what_makes_one_is_not() -> None:
    values = torch.ones(3)

    def change() -> None:
        values.mul_(2.0)
        values[0] = 5.0
        _ = values.sum() * 2.0

    seen = seen_of(change)
    assert [call[0] for _, call in seen] == ["mul_", "__setitem__"]
    assert all(target is values for target, _ in seen)
    assert all(call[1] == __file__ for _, call in seen)


def test_a_function_of_pytorchs_is_named_as_the_user_calls_it() -> None:
    model = nn.Linear(2, 2)
    model(torch.ones(1, 2)).sum().backward()
    seen = seen_of(lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.1))
    assert {call[0] for _, call in seen} == {"clip_grad_norm_"}


def test_nothing_is_seen_afterwards() -> None:
    seen = seen_of(lambda: None)
    torch.ones(3).mul_(2.0)
    assert seen == []

"""Tensors are followed through functions, lists, and writing in place; reading their values ends that."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors import followed
from unstuck.observe.collectors.followed import Calls, Followed


def test_marks_go_through_lists_and_writing_in_place() -> None:
    known, x, y, store = Followed(), torch.ones(2), torch.ones(2), torch.zeros(3, 2)
    known.mark(x, {"x"})
    known.mark(y, {"y"})
    both = torch.stack([x, y])
    assert known.call(torch.stack, ([x, y],), {}, both) == known.of(both) == {"x", "y"}
    known.call(Tensor.__setitem__, (store, 0, x), {}, None)
    assert known.of((store, {"other": y})) == {"x", "y"}


def test_a_new_tensor_in_the_place_of_an_old_one_has_no_marks() -> None:
    known = Followed()
    for _ in range(100):
        known.mark(torch.ones(2), {"old"})
    assert not any(known.of(torch.ones(2)) for _ in range(100))


def test_values_that_are_read_are_noted_and_shapes_are_not() -> None:
    known, x = Followed(), torch.ones(1)
    known.mark(x, {"x"})
    shape: Any = Tensor.shape
    known.call(shape.__get__, (x,), {}, x.shape)
    assert not known.left
    known.call(Tensor.item, (x,), {}, 1.0)
    assert known.left == {"x"}


def test_after_very_many_calls_nothing_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "MOST_CALLS", 1)
    known, x = Followed(), torch.ones(1)
    known.mark(x, {"x"})
    assert known.call(torch.abs, (x,), {}, x.abs()) == {"x"}
    assert not known.call(torch.abs, (x,), {}, x.abs())
    assert known.full


def test_a_follower_is_told_of_any_call_and_others_of_their_own() -> None:
    told: list[str] = []

    def teller(name: str) -> Any:
        return lambda *args, learning: told.append(f"{name} {learning}")

    calls = Calls({torch.abs: teller("known")}, teller("number"), teller("follower"))
    for function, output in ((torch.abs, torch.ones(2)), (torch.sum, torch.ones(())), (torch.exp, torch.ones(2))):
        calls.get(function)(function, (), {}, output, learning=True)
    assert told == ["follower True", "known True", "follower True", "number True", "follower True"]
    assert torch.abs in calls

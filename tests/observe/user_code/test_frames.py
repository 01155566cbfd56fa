"""Places and names in the user's code."""

from __future__ import annotations

import os
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.user_code.frames import (
    is_users,
    module_names,
    user_modules,
    user_names,
    user_place,
    user_trail,
    user_values,
)
from unstuck.observe.user_code.variable_names import calls_of


def line() -> int:
    return sys._getframe(1).f_lineno


@pytest.mark.parametrize(
    ("file", "users"),
    [
        (__file__, True),
        ("/home/somebody/train.py", True),
        ("<ipython-input-3-abc>", True),
        ("<string>", False),
        ("<frozen runpy>", False),
        (torch.__file__, False),
        (os.__file__, False),
        (pytest.__file__, False),
        (str(Path(sys.executable).parent / "torchrun"), False),
        (sys.modules["unstuck"].__file__ or "", False),
    ],
)
def test_whose_file_it_is(file: str, users: bool) -> None:
    assert is_users(file) is users


def test_the_innermost_place_is_taken_past_other_peoples_frames() -> None:
    places: list[tuple[str | None, int | None]] = []

    class Module(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    module = Module()
    module.register_forward_hook(lambda *_: places.append(user_place(0)))
    module(torch.ones(1))
    assert places == [(__file__, line() - 2)], "the hook itself is the user's"


def test_frames_can_be_skipped() -> None:
    def called() -> list[tuple[str | None, int | None]]:
        return [user_place(1), user_place(2)]

    places = called()
    assert places == [(__file__, called.__code__.co_firstlineno + 1), (__file__, line() - 1)]


def test_where_no_frame_is_the_users_there_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unstuck.observe.user_code.frames.is_users", lambda file: False)
    assert user_place(0) == (None, None)
    assert user_trail() == ""
    assert user_modules() == []


def test_a_trail_names_each_call_with_its_columns() -> None:
    def evaluate() -> str:
        return user_trail()

    trail = [evaluate(), evaluate()]
    first, second = (calls_of(text) for text in trail)
    assert first[0] == second[0], "the same innermost call"
    assert first[1].line == second[1].line == line() - 3
    assert trail[0] != trail[1], "two calls on one line are two places"
    if sys.version_info >= (3, 11):
        assert second[1].start - first[1].start == len("evaluate(), ")
        assert first[1].end - first[1].start == len("evaluate()")


def test_objects_have_the_names_of_variables_attributes_and_entries() -> None:
    weight, other, unnamed = object(), object(), object()
    layers, heads = [object(), object()], {"policy": object(), 3: object()}

    class Trainer:
        def __init__(self) -> None:
            self.encoder = nn.Linear(1, 1)

        def names(self, wanted: set[int]) -> dict[int, str]:
            return user_names(wanted)

    trainer = Trainer()
    wanted = list(map(id, (weight, layers[1], heads["policy"], heads[3], trainer.encoder)))
    found = trainer.names(set(wanted))
    assert [found[key] for key in wanted] == ["weight", "layers[1]", "heads['policy']", "heads[3]", "encoder"]
    assert id(other) not in found
    assert user_names({id(unnamed), 0}) == {id(unnamed): "unnamed"}


def test_modules_of_variables_and_of_self_are_found_the_largest_first() -> None:
    small = nn.Linear(1, 1)

    class Trainer:
        def __init__(self) -> None:
            self.model = nn.Linear(30, 30)

        def modules(self) -> list[nn.Module]:
            return user_modules()

    trainer = Trainer()
    found = trainer.modules()
    assert found.index(trainer.model) < found.index(small)


def test_modules_have_the_name_of_the_innermost_variable() -> None:
    def made(model: nn.Module) -> dict[int, str]:
        return module_names()

    class Trainer:
        def __init__(self) -> None:
            self.critic = nn.Linear(1, 1)

        def named(self) -> str:
            return module_names()[id(self.critic)]

    class Learner(nn.Module):
        def named(self) -> dict[int, str]:
            return module_names()

    network, learner = nn.Linear(1, 1), Learner()
    assert module_names()[id(network)] == "network"
    assert made(network)[id(network)] == "model"
    assert Trainer().named() == "critic"
    assert learner.named()[id(learner)] == "learner", "self is no name"


def test_no_code_of_the_users_runs() -> None:
    class Proxy:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        __hash__ = None  # pyright: ignore

    def scope(self: Any, proxy: Any, module: nn.Module) -> tuple[list[nn.Module], dict[int, str]]:
        return user_modules(), user_names({id(module)})

    module = nn.Linear(1, 1)
    modules, names = scope(Proxy(), Proxy(), module)
    assert module in modules
    assert names == {id(module): "module"}


def test_looking_keeps_nothing_alive() -> None:
    def scope() -> weakref.ref[Any]:
        module = nn.Linear(1, 1)
        user_names({id(module)})
        user_modules()
        reference = weakref.ref(module)
        del module
        assert reference() is None, "gone while the function runs"
        return reference

    assert scope()() is None


def test_names_lead_back_to_what_they_name() -> None:
    y, batch, pair = torch.ones(1), {"y": torch.ones(2)}, [torch.ones(3), torch.ones(4)]
    names = user_names({id(y), id(batch["y"]), id(pair[1])})
    assert sorted(names.values()) == ["batch['y']", "pair[1]", "y"]
    found = user_values({*names.values(), "missing", "pair[7]"})
    assert {name: id(value) for name, value in found.items()} == {name: key for key, name in names.items()}


def test_a_name_is_that_of_the_innermost_frame() -> None:
    def inner() -> object:
        y = "inner"
        return user_values({"y"})[y and "y"]

    y = "outer"
    assert (inner(), y) == ("inner", "outer")

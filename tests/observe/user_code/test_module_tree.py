"""What a module holds is found as PyTorch finds it, without a call of its own methods."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from unstuck.observe.user_code.module_tree import (
    has_children,
    named_modules,
    named_parameters,
    own_buffers,
    own_parameters,
)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.again = self.first
        self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight
        self.nothing = None
        self.register_module("later", None)


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def parameters(self, recurse: bool = True) -> Any:
        raise AssertionError("nobody asks for them in the program")

    named_parameters = modules = named_modules = children = named_children = parameters


MODELS = (
    nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.BatchNorm1d(3))),
    Tied(),
    nn.TransformerEncoderLayer(8, 2),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_it_is_what_pytorch_gives(model: nn.Module) -> None:
    assert [(name, id(p)) for name, p in named_parameters(model)] == [
        (name, id(p)) for name, p in model.named_parameters()
    ]
    assert [name for name, _ in named_modules(model)] == [name for name, _ in model.named_modules()]
    for module in model.modules():
        assert has_children(module) == any(True for _ in module.children())
        assert [n for n, _ in own_parameters(module)] == [n for n, _ in module.named_parameters(recurse=False)]


def test_no_method_of_the_program_is_called() -> None:
    assert [name for name, _ in named_parameters(Counting())] == ["layer.weight", "layer.bias"]
    assert [path for path, _ in named_modules(Counting())] == ["", "layer"]


def test_buffers_of_a_module_itself() -> None:
    norm = nn.BatchNorm1d(3)
    assert [id(buffer) for buffer in own_buffers(norm)] == [id(buffer) for buffer in norm.buffers()]
    assert list(own_buffers(nn.Sequential(norm))) == []

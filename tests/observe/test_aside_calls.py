"""What is made of outputs under no_grad is followed, up to a number of calls."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from unstuck.observe.aside_calls import MOST_CALLS, AsideCalls
from unstuck.observe.torch_hooks import forward


class Ears:
    """Counts what it is shown."""

    functions = frozenset({Tensor.add})

    def __init__(self) -> None:
        self.begun = self.networks = self.calls = 0

    def network_begins(self, module: nn.Module, inputs: Any) -> None:
        self.begun += 1

    def network(self, module: nn.Module, output: Any) -> None:
        self.networks += 1

    def follow(self, function: Any, args: tuple[Any, ...], output: Any) -> None:
        self.calls += 1


def test_outermost_modules_and_calls_outside_of_them_are_shown() -> None:
    ears = Ears()
    aside = AsideCalls(cast("Any", ears))
    aside.look(True)
    try:
        with torch.no_grad():
            _ = torch.ones(2) + nn.Sequential(nn.Linear(2, 2))(torch.ones(2))
    finally:
        aside.look(False)
    assert (ears.begun, ears.networks, ears.calls) == (1, 1, 1)


def test_it_stops_after_many_calls_until_the_next_step() -> None:
    ears = Ears()
    aside = AsideCalls(cast("Any", ears))
    aside.look(True)
    try:
        for _ in range(MOST_CALLS + 10):
            _ = torch.ones(2) + torch.ones(2)
    finally:
        forward.unlisten(aside)
    assert ears.calls < MOST_CALLS

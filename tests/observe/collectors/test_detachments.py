from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from unstuck.observe.collectors.detachments import Detachments
from unstuck.record import facts


class Seeing(TorchFunctionMode):
    def __init__(self, detachments: Detachments) -> None:
        super().__init__()
        self.detachments = detachments

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.detachments.see(func, args, output)
        return output


def rolled(hand_on: Callable[[Tensor, int], Tensor], steps: int = 5) -> list[facts.Detachment]:
    """What is told of a cell that is stepped, with its state handed on in some way."""
    detachments, cell = Detachments(), nn.GRUCell(3, 4)
    with Seeing(detachments):
        state = torch.zeros(2, 4)
        for step in range(steps):
            inputs = (torch.ones(2, 3), hand_on(state, step))
            detachments.reach(cell, inputs, "cell")
            state = cell(*inputs)
    return list(detachments.finish())


@pytest.mark.parametrize("cut", [lambda state, _: state.detach(), lambda state, _: state.data], ids=["detach", "data"])
def test_a_cell_that_is_given_its_own_state_detached_is_told(cut: Callable[[Tensor, int], Tensor]) -> None:
    (fact,) = rolled(cut)
    assert (fact.where, fact.calls, fact.cut, fact.file) == ("cell", 5, 4, __file__)


def test_truncation_now_and_then_is_counted_as_such() -> None:
    (fact,) = rolled(lambda state, step: state.detach() if step == 10 else state, steps=20)
    assert (fact.calls, fact.cut) == (20, 1)


def test_a_state_with_its_graph_is_not() -> None:
    assert rolled(lambda state, _: state) == []
    assert rolled(lambda state, _: state.detach() + 0.0 * state) == []


def test_what_was_detached_from_others_is_not() -> None:
    detachments, generator, critic = Detachments(), nn.Linear(2, 3), nn.Linear(3, 1)
    with Seeing(detachments):
        for _ in range(3):
            fake = generator(torch.ones(4, 2)).detach()
            detachments.reach(critic, (fake,), "critic")
    assert list(detachments.finish()) == []


def test_states_of_several_tensors_are_looked_into() -> None:
    detachments, cell = Detachments(), nn.LSTMCell(3, 4)
    with Seeing(detachments):
        state = (torch.zeros(2, 4), torch.zeros(2, 4))
        for _ in range(4):
            state = (state[0].detach(), state[1].detach())
            detachments.reach(cell, (torch.ones(2, 3), state), "cell")
            state = cell(torch.ones(2, 3), state)
    assert [(fact.calls, fact.cut) for fact in detachments.finish()] == [(4, 3)]

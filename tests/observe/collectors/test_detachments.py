"""Layers that are fed their own detached output are found, and others are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unstuck.record import facts

HandOn = Callable[[Tensor, int], Tensor]


class Rolled(nn.Module):
    """A cell that is stepped, with its state handed on in some way."""

    def __init__(self, hand_on: HandOn, steps: int) -> None:
        super().__init__()
        self.cell, self.hand_on, self.steps = nn.GRUCell(3, 4), hand_on, steps

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(2, 4)
        for step in range(self.steps):
            state = self.cell(x, self.hand_on(state, step))
        return state


@pytest.fixture
def rolled(watched: Any) -> Callable[..., list[facts.Detachment]]:
    """What is told of such a cell."""

    def roll(hand_on: HandOn, steps: int = 5) -> list[facts.Detachment]:
        model = Rolled(hand_on, steps)
        with watched(model) as step:
            model(torch.ones(2, 3))
            step.update()
        return step.facts(facts.Detachment)

    return roll


@pytest.mark.parametrize("cut", [lambda state, _: state.detach(), lambda state, _: state.data], ids=["detach", "data"])
def test_a_cell_that_is_given_its_own_state_detached_is_told(rolled: Any, cut: HandOn) -> None:
    (fact,) = rolled(cut)
    assert (fact.where, fact.calls, fact.cut, fact.file) == ("cell", 5, 4, __file__)
    assert fact.line == cut.__code__.co_firstlineno


def test_truncation_now_and_then_is_counted_as_such(rolled: Any) -> None:
    (fact,) = rolled(lambda state, step: state.detach() if step == 10 else state, steps=20)
    assert (fact.calls, fact.cut) == (20, 1)


def test_a_state_with_its_graph_is_not(rolled: Any) -> None:
    assert rolled(lambda state, _: state) == []
    assert rolled(lambda state, _: state.detach() + 0.0 * state) == []


def test_what_was_detached_from_others_is_not(watched: Any) -> None:
    generator, critic = nn.Linear(2, 3), nn.Linear(3, 1)
    with watched(nn.ModuleList([generator, critic])) as step:
        for _ in range(3):
            critic(generator(torch.ones(4, 2)).detach())
        step.update()
    assert step.facts(facts.Detachment) == []


def test_states_of_several_tensors_are_looked_into(watched: Any) -> None:
    cell = nn.LSTMCell(3, 4)
    with watched(nn.ModuleList([cell])) as step:
        state = (torch.zeros(2, 4), torch.zeros(2, 4))
        for _ in range(4):
            state = (state[0].detach(), state[1].detach())
            state = cell(torch.ones(2, 3), state)
        step.update()
    assert [(fact.calls, fact.cut) for fact in step.facts(facts.Detachment)] == [(4, 3)]


def test_a_step_is_forgotten_with_its_update(watched: Any) -> None:
    model = Rolled(lambda state, _: state.detach(), 1)
    with watched(model) as step:
        for _ in range(3):
            model(torch.ones(2, 3))
            step.update()
    assert step.facts(facts.Detachment) == [], "one call a step takes nothing of its own"

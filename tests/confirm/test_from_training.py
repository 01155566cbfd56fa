from __future__ import annotations

from contextlib import ExitStack

import torch

from unstuck.confirm.from_training import enter_at_training
from unstuck.remedies import Change, applied

TENTH = Change(remedy="learning-rate", settings={"factor": 0.1})


def moved(weight: torch.Tensor, optimizer: torch.optim.Optimizer) -> float:
    """By how much a step at a gradient of one moves a weight."""
    before = weight.detach().clone()
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    return round(float((before - weight).detach()), 4)


def made() -> tuple[torch.Tensor, torch.optim.Optimizer]:
    weight = torch.ones(1, requires_grad=True)
    return weight, torch.optim.SGD([weight], lr=1.0)


def test_the_first_training_is_changed_at_once() -> None:
    with ExitStack() as stack:
        enter_at_training(0, lambda: applied(TENTH), stack)
        assert moved(*made()) == 0.1


def test_a_later_one_is_changed_and_those_before_it_are_not() -> None:
    with ExitStack() as stack:
        enter_at_training(1, lambda: applied(TENTH), stack)
        assert [moved(*made()), moved(*made())] == [1.0, 0.1]
    assert moved(*made()) == 1.0


def test_what_is_entered_sees_the_optimizer_that_it_waited_for() -> None:
    initial = Change(remedy="initialisation")
    with ExitStack() as stack:
        enter_at_training(1, lambda: applied(initial), stack)
        first, second = torch.zeros(4, 4, requires_grad=True), torch.zeros(4, 4, requires_grad=True)
        for weight in (first, second):
            torch.optim.SGD([weight], lr=0.1)
        assert not first.any()
        assert second.any()

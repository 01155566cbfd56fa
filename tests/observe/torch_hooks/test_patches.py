"""What is told of a program, in which order, and that nothing of it stays when nobody listens."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from unstuck.observe.torch_hooks import patches
from unstuck.observe.torch_hooks.patches import EVENTS, WRAPPED, held_parameters, listen, spare, unlisten


class Heard:
    """Writes down what it is told, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[object, ...]]] = []
        self.error: Exception | None = None
        self.spared = False
        for event in EVENTS:
            setattr(self, event, lambda *args, event=event: self.events.append((event, args)))

    def failed(self, error: Exception) -> None:
        self.error = error

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


@pytest.fixture
def heard() -> Iterator[Heard]:
    listener = Heard()
    listen(listener)
    yield listener
    unlisten(listener)


def loss_of(layer: nn.Module) -> Tensor:
    return layer(torch.ones(3, 2)).square().mean()


def test_a_step_is_told_in_order(heard: Heard) -> None:
    layer = nn.Linear(2, 1)
    optimizer = SGD(layer.parameters(), lr=0.1)
    loss = loss_of(layer)
    loss.backward()
    optimizer.step()
    assert heard.names == ["optimizer_made", "backward_begins", "backward_ended", "step_begins", "step_ended"]
    ((root,),) = heard.events[1][1]
    assert root is loss
    assert heard.events[3][1] == (optimizer, False)
    assert {id(parameter) for parameter in layer.parameters()} <= held_parameters()


def test_a_spared_listener_hears_of_losses_and_updates_alone(heard: Heard) -> None:
    layer = nn.Linear(2, 1)
    optimizer = SGD(layer.parameters(), lr=0.1)
    spare(heard, spared=True)
    heard.events.clear()
    loss_of(layer).backward()
    optimizer.step()
    assert heard.names == ["backward_begins", "step_ended"]


def test_another_optimizer_or_a_closure_ends_the_sparing(heard: Heard) -> None:
    layer = nn.Linear(2, 1)
    optimizer = SGD(layer.parameters(), lr=0.1)
    spare(heard, spared=True)
    other = SGD(layer.parameters(), lr=0.1)
    assert not heard.spared
    spare(heard, spared=True)
    optimizer.step(lambda: 0.0)
    assert not heard.spared
    assert heard.names[-2:] == ["step_begins", "step_ended"]
    assert held_parameters() >= {id(parameter) for parameter in other.param_groups[0]["params"]}


def test_the_backward_of_a_closure_comes_after_the_beginning_of_its_step(heard: Heard) -> None:
    layer = nn.Linear(2, 1)
    optimizer = SGD(layer.parameters(), lr=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(layer)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert heard.names[1:] == ["step_begins", "backward_begins", "backward_ended", "step_ended"]
    assert heard.events[1][1] == (optimizer, True)


def test_gradients_taken_by_hand_are_told_with_what_they_are_of(heard: Heard) -> None:
    layer = nn.Linear(2, 1)
    (gradient,) = torch.autograd.grad(loss_of(layer), [layer.weight])
    assert heard.names == ["gradients_begin", "gradients_ended"]
    assert heard.events[0][1][1] == (layer.weight,)
    assert heard.events[1][1][1][0] is gradient


def test_a_gradient_within_a_transform_is_told_without_its_tensors(heard: Heard) -> None:
    torch.func.grad(lambda x: torch.autograd.grad(x.square(), x, create_graph=True)[0])(torch.tensor(2.0))
    assert set(heard.names) == {"transformed"}
    assert not any(args for _, args in heard.events)


def test_the_loss_is_told_and_not_what_the_scaler_made_of_it(heard: Heard) -> None:
    layer = nn.Linear(2, 1)
    loss = loss_of(layer)
    torch.amp.GradScaler("cpu", init_scale=1024.0).scale(loss).backward()
    ((root,),) = heard.events[0][1]
    assert root is loss


def test_steps_of_schedules_are_told_but_not_that_of_their_construction(heard: Heard) -> None:
    optimizer = SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    schedules = StepLR(optimizer, 2), ReduceLROnPlateau(optimizer)
    assert "schedule_stepped" not in heard.names
    optimizer.step()
    schedules[0].step()
    schedules[1].step(1.0)
    assert [args[0] for name, args in heard.events if name == "schedule_stepped"] == list(schedules)


def test_an_optimizer_made_before_is_known_once_it_steps() -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = SGD([parameter], lr=0.1)
    listener = Heard()
    listen(listener)
    try:
        assert id(parameter) not in held_parameters()
        optimizer.step()
        assert id(parameter) in held_parameters()
    finally:
        unlisten(listener)


def test_nothing_is_left_when_the_last_has_gone() -> None:
    before = [getattr(owner, name) for owner, name, _ in WRAPPED]
    first, second = Heard(), Heard()
    listen(first)
    listen(second)
    assert all(getattr(owner, name) is not was for (owner, name, _), was in zip(WRAPPED, before, strict=True))
    unlisten(first)
    loss_of(nn.Linear(2, 1)).backward()
    unlisten(second)
    unlisten(second)
    assert first.names == []
    assert second.names == ["backward_begins", "backward_ended"]
    assert [getattr(owner, name) for owner, name, _ in WRAPPED] == before


def test_a_backward_pass_that_fails_is_followed_by_others(heard: Heard) -> None:
    loss = loss_of(nn.Linear(2, 1))
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    loss_of(nn.Linear(2, 1)).backward()
    assert heard.names.count("backward_begins") == 3
    assert heard.names[-1] == "backward_ended"


def test_a_listener_that_raises_is_dropped_and_the_program_goes_on(heard: Heard) -> None:
    broken = Heard()

    def fail(*_: object) -> None:
        raise ValueError("no")

    broken.backward_begins = fail
    listen(broken)
    layer = nn.Linear(2, 1)
    with pytest.warns(RuntimeWarning, match="stopped watching: ValueError: no"):
        loss_of(layer).backward()
    assert isinstance(broken.error, ValueError)
    assert layer.weight.grad is not None
    assert (broken.names, heard.names) == ([], ["backward_begins", "backward_ended"])


def test_what_a_listener_does_itself_is_not_told(heard: Heard) -> None:
    curious = Heard()
    curious.backward_begins = lambda roots: loss_of(nn.Linear(2, 1)).backward()
    listen(curious)
    try:
        loss_of(nn.Linear(2, 1)).backward()
    finally:
        unlisten(curious)
    assert heard.names == ["backward_begins", "backward_ended"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_not_watched(heard: Heard) -> None:
    child = os.fork()
    if not child:
        untouched = not patches._listeners and torch.autograd.backward.__module__ == "torch.autograd"
        os._exit(0 if untouched else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert heard.names == []

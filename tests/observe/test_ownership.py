"""Backward passes of one training are told from those of others, and from steps within a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from unstuck.observe.clock import Clock
from unstuck.observe.ownership import OTHERS, WALKS, Ownership
from unstuck.observe.torch_hooks import events, patches
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.user_code.model_roots import Roots


class Training:
    """Asks of each pass whether it is its own, as an observer does."""

    thread: int | None = None
    updates_of: int | None = None

    def __init__(self, optimizer: SGD, model: nn.Module | None = None) -> None:
        roots = Roots(optimizer)
        if model is not None:
            roots.add(model)
        self.ownership = Ownership(roots)
        self.parameters: list[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
        self.ownership.watch(self.parameters)
        self.clock = Clock()
        self.follows = False
        self.answers: list[tuple[bool, bool]] = []

    def backward_begins(self, backward: Backward) -> None:
        if self.ownership.concerns(backward, follows=self.follows):
            self.ownership.graph(backward, self.clock, self.parameters)
        if self.ownership.concerned:
            self.follows = True
            self.ownership.begins(backward, alone=False, compiled=False)

    def backward_ended(self, backward: Backward) -> None:
        own = self.ownership.concerned and self.ownership.ended(backward)
        self.answers.append((own, self.ownership.intermediate))

    def failed(self, error: Exception) -> None:
        raise error

    @property
    def own(self) -> list[bool]:
        return [answer for answer, _ in self.answers]


def layer() -> nn.Linear:
    return nn.Linear(2, 1)


def loss_of(model: nn.Module) -> Tensor:
    return model(torch.ones(3, 2)).square().mean()


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(events, "one_optimizer", lambda: False)
    made: list[Training] = []

    def make(model: nn.Module) -> Training:
        made.append(Training(SGD(model.parameters(), lr=0.1), model))
        patches.listen(made[-1])
        return made[-1]

    yield make
    for training in made:
        patches.unlisten(training)
        training.ownership.release()


@pytest.mark.parametrize("milestone", [True, False], ids=["by the graph", "by what is reached"])
def test_each_training_has_its_own_losses(trainings: Any, milestone: bool) -> None:
    first, second = layer(), layer()
    one, other = trainings(first), trainings(second)
    for training in (one, other):
        training.clock.step = 4 if milestone else 5
    loss_of(first).backward()
    loss_of(second).backward()
    (loss_of(first) + loss_of(second)).backward()
    assert one.own == [True, False, True]
    assert other.own == [False, True, True]


def test_gradients_by_hand_say_whose_they_are(trainings: Any) -> None:
    first, second = layer(), layer()
    one, other = trainings(first), trainings(second)
    torch.autograd.grad(loss_of(first), list(first.parameters()))
    torch.autograd.grad(loss_of(first), first.bias)
    x = torch.ones(3, 2, requires_grad=True)
    torch.autograd.grad(first(x).sum(), x)
    assert one.own == [True, True, False]
    assert other.own == [False, False, False]


def test_steps_within_a_step_are_told_apart(trainings: Any) -> None:
    """As of MAML: gradients that are differentiated in turn, and then the loss."""
    model = layer()
    training = trainings(model)
    inner = torch.autograd.grad(loss_of(model), list(model.parameters()), create_graph=True)
    torch.autograd.grad(loss_of(model), list(model.parameters()), create_graph=True)
    torch.stack([gradient.square().sum() for gradient in inner]).sum().backward()
    assert training.answers == [(True, False), (False, False), (True, True)]


def test_a_gradient_penalty_that_only_looks_is_none_of_the_parameters(trainings: Any) -> None:
    model = layer()
    training, x = trainings(model), torch.ones(3, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    (loss_of(model) + slope.square().mean()).backward()
    assert training.answers == [(False, False), (True, False)]


def test_micro_batches_follow_without_being_intermediate(trainings: Any) -> None:
    model = layer()
    training = trainings(model)
    for _ in range(6):
        loss_of(model).backward()
    assert training.answers == [(True, False)] * 6


def test_graphs_are_walked_at_milestones_and_a_few_times_each() -> None:
    model = layer()
    ownership, clock = Ownership(Roots(SGD(model.parameters(), lr=0.1))), Clock()
    walked: list[int] = []
    for step in range(10):
        for _ in range(2 * WALKS):
            backward = Backward((loss_of(model),), (None, False, False, ()), accumulates=True)
            if ownership.graph(backward, clock, list(model.parameters())) is not None:
                walked.append(step)
        clock.updated()
    assert sorted(set(walked)) == [0, 1, 2, 4, 8]
    assert all(walked.count(step) <= WALKS + 1 for step in walked)
    assert ownership.graph(Backward((), (), accumulates=True), Clock(), []) is None


def test_passes_of_others_take_no_walk_from_those_of_the_training() -> None:
    model, other = layer(), layer()
    ownership, clock = Ownership(Roots(SGD(model.parameters(), lr=0.1))), Clock()

    def walks(trained: nn.Module) -> bool:
        backward = Backward((loss_of(trained),), (None, False, False, ()), accumulates=True)
        return ownership.graph(backward, clock, list(model.parameters())) is not None

    assert all(walks(other) for _ in range(2 * WALKS))
    assert walks(model)
    assert sum(walks(other) for _ in range(100)) == OTHERS - 2 * WALKS - 1


def test_a_pass_that_leads_past_the_parameters_that_are_looked_at_is_seen_from_then_on(trainings: Any) -> None:
    model = nn.ModuleList([layer() for _ in range(9)])
    training = trainings(model)
    training.clock.step = 5
    loss_of(model[2]).backward()
    assert training.own == [False], "none of the few parameters that are looked at"
    training.clock.step = 8
    loss_of(model[2]).backward()
    training.clock.step = 9
    loss_of(model[2]).backward()
    assert training.own == [False, True, True]


def test_cleared_gradients_are_known(trainings: Any) -> None:
    model = layer()
    training = trainings(model)
    loss_of(model).backward()
    assert not training.ownership.cleared()
    model.zero_grad()
    assert training.ownership.cleared()


def test_after_release_no_hook_is_left(trainings: Any) -> None:
    model = layer()
    training = trainings(model)
    loss_of(model).backward()
    training.ownership.release()
    assert not any(parameter._backward_hooks for parameter in model.parameters())

"""Optimizers and what goes with them are told as they are made, stepped and begun."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import ChainedScheduler, CosineAnnealingLR, ReduceLROnPlateau, SequentialLR, StepLR
from torch.utils.data import DataLoader, TensorDataset

from unstuck.observe.torch_hooks import events, patches


class Heard:
    """Writes down what it is told, in order, and whether an optimizer updates meanwhile."""

    thread: int | None = None
    updates_of: int | None = None

    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        for event in events.EVENTS:
            setattr(self, event, lambda *args, event=event: self.events.append((event, args)))

    def failed(self, error: Exception) -> None:
        raise error

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    def of(self, event: str) -> list[tuple[Any, ...]]:
        return [args for name, args in self.events if name == event]


@pytest.fixture
def heard() -> Iterator[Heard]:
    listener = Heard()
    patches.listen(listener)
    yield listener
    patches.unlisten(listener)


def parameter() -> nn.Parameter:
    return nn.Parameter(torch.ones(1))


def test_an_optimizer_is_told_once_it_is_whole(heard: Heard) -> None:
    class Own(SGD):
        def __init__(self, parameters: Any) -> None:
            super().__init__(parameters, lr=0.1)
            self.later = True

    optimizers = [Adam([parameter()]), Own([parameter()])]
    assert [optimizer for (optimizer,) in heard.of("optimizer_made")] == optimizers
    with pytest.raises(ValueError, match="empty"):
        SGD([], lr=0.1)
    assert len(heard.of("optimizer_made")) == 2


def closures(optimizer: Optimizer, weight: Tensor) -> Callable[[], Tensor]:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    return closure


CALLS: dict[str, Callable[[Optimizer, Callable[[], Tensor]], Any]] = {
    "by position": lambda optimizer, closure: optimizer.step(closure),
    "by keyword": lambda optimizer, closure: optimizer.step(closure=closure),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_the_backward_pass_of_a_closure_comes_after_the_beginning_of_its_step(
    heard: Heard, call: Callable[[Optimizer, Callable[[], Tensor]], Any]
) -> None:
    weight = parameter()
    optimizer = SGD([weight], lr=0.1)
    assert call(optimizer, closures(optimizer, weight)).item() == 1.0
    assert heard.names[1:] == ["closure_begins", "backward_begins", "backward_ended", "step_ended"]
    assert heard.of("closure_begins") == [(optimizer,)]


def test_a_closure_is_called_as_often_as_without_us(heard: Heard) -> None:
    weight = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = torch.optim.LBFGS([weight], max_iter=4)
    optimizer.step(closures(optimizer, weight))
    calls = len(heard.of("backward_begins"))
    patches.unlisten(heard)
    twin = nn.Parameter(torch.tensor([3.0, -2.0]))
    count = 0

    def counted() -> Tensor:
        nonlocal count
        count += 1
        return closure()

    other = torch.optim.LBFGS([twin], max_iter=4)
    closure = closures(other, twin)
    other.step(counted)
    assert calls == count > 1
    assert torch.equal(weight, twin)


@pytest.mark.parametrize("closure", [None, lambda: 0.0])
def test_an_update_without_a_closure_is_known_while_it_lasts(heard: Heard, closure: Callable[[], float] | None) -> None:
    seen: list[bool] = []

    class Looking(SGD):
        def step(self, closure: Any = None) -> Any:
            seen.append(events.thread.updating)
            return super().step(closure)

    optimizer = Looking([parameter()], lr=0.1)
    optimizer.register_step_pre_hook(lambda *_: None)
    optimizer.step(closure)
    assert seen == [closure is None]
    assert not events.thread.updating


def test_a_step_that_raises_does_not_last_beyond_the_listeners(heard: Heard) -> None:
    class Broken(SGD):
        def step(self, closure: Any = None) -> Any:
            raise ArithmeticError

    optimizer = Broken([parameter()], lr=0.1)
    with pytest.raises(ArithmeticError):
        optimizer.step()
    assert heard.names == ["optimizer_made", "step_begins"]
    patches.unlisten(heard)
    assert not events.thread.updating


class Extended(SGD):
    """Calls the step of the class that it extends, and again where that raises."""

    fails = False

    def step(self, closure: Any = None) -> Any:
        if self.fails:
            self.fails = False
            with contextlib.suppress(ArithmeticError):
                super().step(lambda: 1.0 / 0.0)
        return super().step(closure)


@pytest.mark.parametrize("fails", [False, True])
def test_a_step_within_a_step_is_not_told(heard: Heard, fails: bool) -> None:
    weight = parameter()
    SGD([weight], lr=0.1)  # from now on PyTorch calls its hooks for the steps of this class too
    optimizer = Extended([weight], lr=0.1)
    optimizer.fails = fails
    heard.events.clear()
    for _ in range(2):
        optimizer.step()
    assert heard.names == ["step_begins", "step_ended"] * 2


def test_the_step_after_one_that_has_raised_is_told(heard: Heard) -> None:
    optimizer = SGD([parameter()], lr=0.1)
    for _ in range(2):
        with contextlib.suppress(ArithmeticError):
            optimizer.step(lambda: 1.0 / 0.0)
    optimizer.step()
    assert heard.names == ["optimizer_made", "closure_begins", "closure_begins", "step_begins", "step_ended"]


def test_steps_of_schedules_are_told_but_not_that_of_their_construction(heard: Heard) -> None:
    optimizer = SGD([parameter()], lr=0.1)
    step, plateau = StepLR(optimizer, 2), ReduceLROnPlateau(optimizer)
    assert "schedule_stepped" not in heard.names
    optimizer.step()
    step.step()
    plateau.step(1.0)
    plateau.step(metrics=1.0)
    assert heard.of("schedule_stepped") == [(optimizer, step), (optimizer, plateau), (optimizer, plateau)]


def test_schedules_of_schedules_are_told(heard: Heard) -> None:
    optimizer = SGD([parameter()], lr=0.1)
    parts = StepLR(optimizer, 1), CosineAnnealingLR(optimizer, 4)
    chained = ChainedScheduler(parts)
    optimizer.step()
    heard.events.clear()
    chained.step()
    assert {id(schedule) for _, schedule in heard.of("schedule_stepped")} >= {id(part) for part in parts}


def test_a_sequence_of_schedules_gives_the_rates_that_it_gives_without_us(heard: Heard) -> None:
    def rates() -> list[float]:
        optimizer = SGD([parameter()], lr=1.0)
        schedule = SequentialLR(optimizer, [StepLR(optimizer, 1), StepLR(optimizer, 2)], milestones=[2])
        seen: list[float] = []
        for _ in range(5):
            optimizer.step()
            schedule.step()
            seen += schedule.get_last_lr()
        return seen

    watched = rates()
    assert heard.of("schedule_stepped")
    patches.unlisten(heard)
    assert rates() == watched


def test_a_loader_is_told_each_time_that_it_begins(heard: Heard) -> None:
    loader = DataLoader(TensorDataset(torch.arange(4)), batch_size=2)
    for _ in range(2):
        assert [batch.tolist() for (batch,) in loader] == [[0, 1], [2, 3]]
    assert heard.events == [("loader_begins", (loader,))] * 2


def test_hooks_of_steps_are_gone_with_the_last_listener() -> None:
    from torch.optim import optimizer as torch_optimizer

    before = len(torch_optimizer._global_optimizer_pre_hooks), len(torch_optimizer._global_optimizer_post_hooks)
    listener = Heard()
    patches.listen(listener)
    assert len(torch_optimizer._global_optimizer_pre_hooks) == before[0] + 1
    patches.unlisten(listener)
    after = len(torch_optimizer._global_optimizer_pre_hooks), len(torch_optimizer._global_optimizer_post_hooks)
    assert after == before
    SGD([parameter()], lr=0.1).step()
    assert listener.names == []

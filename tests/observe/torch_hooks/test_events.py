"""Who hears of what a program does, and that listening never disturbs it."""

from __future__ import annotations

import gc
import math
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.utils.flop_counter import FlopCounterMode

from unstuck.observe.torch_hooks import events, patches
from unstuck.observe.torch_hooks.quiet_steps import QuietSteps


class Heard:
    """Writes down what it is told, in order."""

    def __init__(self, *, thread: int | None = None, updates_of: int | None = None) -> None:
        self.thread, self.updates_of = thread, updates_of
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self.errors: list[Exception] = []
        for event in events.EVENTS:
            setattr(self, event, lambda *args, event=event: self.events.append((event, args)))

    def failed(self, error: Exception) -> None:
        self.errors.append(error)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Heard]]:
    """Makes listeners, which hear until the end of the test; optimizers of other tests are not known."""
    monkeypatch.setattr(events, "_optimizers", weakref.WeakKeyDictionary())
    made: list[Heard] = []

    def listen(**concerned: int | None) -> Heard:
        made.append(Heard(**concerned))
        patches.listen(made[-1])
        return made[-1]

    yield listen
    for listener in made:
        patches.unlisten(listener)
    assert events.empty()


def loss_of(layer: nn.Module) -> Tensor:
    return layer(torch.ones(3, 2)).square().mean()


def in_thread(work: Callable[[], object]) -> None:
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()


def fail(*_: object) -> None:
    raise ValueError("no")


def test_a_listener_hears_of_its_own_thread_only(listening: Callable[..., Heard]) -> None:
    mine, everybodys = listening(thread=threading.get_ident()), listening()
    in_thread(lambda: loss_of(nn.Linear(2, 1)).backward())
    assert mine.names == []
    assert everybodys.names == ["backward_begins", "backward_ended"]
    loss_of(nn.Linear(2, 1)).backward()
    assert mine.names == ["backward_begins", "backward_ended"]


def test_a_thread_that_is_told_does_not_silence_another(listening: Callable[..., Heard]) -> None:
    waits, heard = listening(thread=threading.get_ident()), listening()
    patches.unlisten(waits)
    waits.backward_begins = lambda backward: in_thread(lambda: loss_of(nn.Linear(2, 1)).backward())
    patches.listen(waits)
    loss_of(nn.Linear(2, 1)).backward()
    assert heard.names == ["backward_begins", "backward_begins", "backward_ended", "backward_ended"]


def test_updates_are_heard_by_those_who_care_for_that_optimizer_in_whichever_thread(
    listening: Callable[..., Heard],
) -> None:
    first, second = (SGD([nn.Parameter(torch.ones(1))], lr=0.1) for _ in range(2))
    of_first = listening(thread=threading.get_ident(), updates_of=id(first))
    of_all = listening()
    second.step()
    assert (of_first.names, of_all.names) == ([], ["step_begins", "step_ended"])
    in_thread(first.step)
    assert of_first.events == [("step_begins", (first,)), ("step_ended", (first,))]
    assert len(of_all.names) == 4


@pytest.mark.parametrize("action", ["always", "error"])
def test_a_listener_that_raises_is_dropped_and_warned_of_once(listening: Callable[..., Heard], action: str) -> None:
    broken, heard = listening(), listening()
    patches.unlisten(broken)
    broken.backward_begins = fail
    patches.listen(broken)
    layer = nn.Linear(2, 1)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter(action)  # pyright: ignore[reportArgumentType]
        for _ in range(3):
            loss_of(layer).backward()
    assert [str(warning.message) for warning in shown] == ["unstuck stopped watching: ValueError: no"][: len(shown)]
    assert len(shown) == (action == "always")
    assert [str(error) for error in broken.errors] == ["no"]
    assert layer.weight.grad is not None
    assert (broken.names, heard.names) == ([], ["backward_begins", "backward_ended"] * 3)


def test_a_listener_that_raises_again_as_it_is_dropped_costs_nothing(listening: Callable[..., Heard]) -> None:
    broken = listening()
    patches.unlisten(broken)
    broken.backward_begins = broken.failed = fail
    patches.listen(broken)
    with pytest.warns(RuntimeWarning, match="stopped watching: ValueError: no"):
        loss_of(nn.Linear(2, 1)).backward()
    loss_of(nn.Linear(2, 1)).backward()


def test_what_a_listener_does_itself_is_not_told(listening: Callable[..., Heard]) -> None:
    curious, heard = listening(), listening()
    patches.unlisten(curious)

    def train(backward: object) -> None:
        layer = nn.Linear(2, 1)
        optimizer = SGD(layer.parameters(), lr=0.1)
        with torch.enable_grad():
            loss_of(layer).backward()
        optimizer.step()

    curious.backward_begins = train
    patches.listen(curious)
    loss_of(nn.Linear(2, 1)).backward()
    assert heard.names == ["backward_begins", "backward_ended"]


def test_a_listener_computes_without_gradients_and_leaves_the_mode(listening: Callable[..., Heard]) -> None:
    heard = listening()
    patches.unlisten(heard)
    modes: list[bool] = []
    heard.backward_begins = lambda backward: modes.append(torch.is_grad_enabled())
    patches.listen(heard)
    loss_of(nn.Linear(2, 1)).backward()
    assert modes == [False]
    assert torch.is_grad_enabled()


def test_a_spared_listener_hears_of_losses_and_updates_alone(listening: Callable[..., Heard]) -> None:
    heard, other = listening(), listening()
    layer = nn.Linear(2, 1)
    optimizer = SGD(layer.parameters(), lr=0.1)
    events.spare(heard, spared=True)
    events.spare(heard, spared=True)
    assert events.is_spared(heard)
    for listener in (heard, other):
        listener.events.clear()
    loss_of(layer).backward()
    optimizer.step()
    assert heard.names == ["backward_begins", "step_ended"]
    assert other.names == ["backward_begins", "backward_ended", "step_begins", "step_ended"]
    events.spare(heard, spared=False)
    heard.events.clear()
    loss_of(layer).backward()
    assert heard.names == ["backward_begins", "backward_ended"]


def test_another_optimizer_ends_the_sparing_and_a_closure_is_told_all_the_same(listening: Callable[..., Heard]) -> None:
    heard = listening()
    layer = nn.Linear(2, 1)
    optimizer = SGD(layer.parameters(), lr=0.1)
    events.spare(heard, spared=True)
    optimizer.step()
    assert events.is_spared(heard)
    other = SGD(layer.parameters(), lr=0.1)
    assert not events.is_spared(heard)
    events.spare(heard, spared=True)
    optimizer.step(lambda: 0.0)
    assert events.is_spared(heard)
    assert heard.names[-2:] == ["closure_begins", "step_ended"]
    assert events.held_parameters() >= {id(parameter) for parameter in other.param_groups[0]["params"]}


def test_a_spared_listener_that_goes_is_forgotten(listening: Callable[..., Heard]) -> None:
    heard = listening()
    events.spare(heard, spared=True)
    patches.unlisten(heard)
    assert not events.is_spared(heard)
    assert events.empty()


def test_optimizers_are_known_while_they_live(listening: Callable[..., Heard]) -> None:
    heard = listening()
    parameters = [nn.Parameter(torch.ones(1)) for _ in range(2)]
    first = SGD(parameters[:1], lr=0.1)
    assert events.one_optimizer()
    second = SGD(parameters[1:], lr=0.1)
    assert not events.one_optimizer()
    assert set(events.optimizers()) == {first, second}
    assert events.held_parameters() == {id(parameter) for parameter in parameters}
    heard.events.clear()
    del second
    gc.collect()
    assert events.optimizers() == (first,)
    assert events.held_parameters() == {id(parameters[0])}


def test_an_optimizer_made_before_is_known_once_it_steps(listening: Callable[..., Heard]) -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = SGD([parameter], lr=0.1)
    listening()
    assert id(parameter) not in events.held_parameters()
    optimizer.step()
    assert id(parameter) in events.held_parameters()


def test_only_what_a_listener_has_a_method_for_is_heard(listening: Callable[..., Heard]) -> None:
    class Losses:
        thread = updates_of = None

        def __init__(self) -> None:
            self.roots: list[Tensor] = []

        def backward_begins(self, backward: Any) -> None:
            self.roots += backward.roots

        def failed(self, error: Exception) -> None:
            raise error

    losses = Losses()
    events.add(losses)
    try:
        assert events.hears("backward_begins")
        assert not events.hears("step_begins")
        assert not events.empty()
    finally:
        events.remove(losses)
    events.remove(losses)
    assert not events.hears("backward_begins")


def hushed(listening: Callable[..., Heard], layer: nn.Module, *, steps: int = 9) -> tuple[Heard, SGD]:
    """A listener whose coming steps are quiet, and the optimizer that makes them."""
    optimizer = SGD(layer.parameters(), lr=0.1)
    heard = listening(updates_of=id(optimizer))
    events.meet(optimizer)
    events.spare(heard, spared=True)
    quiet = QuietSteps(optimizer, [optimizer.param_groups[0]["lr"]], steps=steps, until=math.inf)

    def record(taken: QuietSteps) -> None:
        heard.events.append(("recorded", (len(taken.losses), bool(taken.pending))))

    events.hush(heard, quiet, record)
    return heard, optimizer


def test_of_quiet_steps_nothing_is_told_until_they_are_over(listening: Callable[..., Heard]) -> None:
    layer = nn.Linear(2, 1)
    heard, optimizer = hushed(listening, layer, steps=2)
    before = events.counts.backward
    for _ in range(3):
        assert heard.names == []
        loss_of(layer).backward()
        optimizer.step()
    assert heard.events[0] == ("recorded", (2, False))
    assert heard.names[1:] == ["backward_begins", "step_ended"]
    assert events.counts.backward == before + 3


def step_alone(layer: nn.Module, optimizer: SGD) -> None:
    optimizer.step()


def within_a_mode(layer: nn.Module, optimizer: SGD) -> None:
    with FlopCounterMode(display=False):
        loss_of(layer).backward()


def for_inputs(layer: nn.Module, optimizer: SGD) -> None:
    loss_of(layer).backward(inputs=list(layer.parameters()))


def by_grad(layer: nn.Module, optimizer: SGD) -> None:
    torch.autograd.grad(loss_of(layer), list(layer.parameters()))


def of_two_losses(layer: nn.Module, optimizer: SGD) -> None:
    torch.autograd.backward([loss_of(layer), loss_of(layer)])


def elsewhere(layer: nn.Module, optimizer: SGD) -> None:
    in_thread(lambda: loss_of(layer).backward())


def scaled(layer: nn.Module, optimizer: SGD) -> None:
    torch.amp.GradScaler("cpu").scale(loss_of(layer)).backward()


@pytest.mark.parametrize("run", [step_alone, within_a_mode, for_inputs, by_grad, of_two_losses, elsewhere, scaled])
def test_whatever_is_unusual_ends_the_quiet_and_is_told(
    listening: Callable[..., Heard], run: Callable[..., None]
) -> None:
    layer = nn.Linear(2, 1)
    heard, optimizer = hushed(listening, layer)
    loss_of(layer).backward()
    optimizer.step()
    run(layer, optimizer)
    assert heard.events[0] == ("recorded", (1, False))
    assert heard.names[1:] == ["step_ended" if run is step_alone else "backward_begins"]


def test_a_step_with_a_second_backward_pass_is_told_from_there_on(listening: Callable[..., Heard]) -> None:
    layer = nn.Linear(2, 1)
    heard, optimizer = hushed(listening, layer)
    for _ in range(2):
        loss_of(layer).backward()
    optimizer.step()
    assert heard.events[0] == ("recorded", (0, True))
    assert heard.names[1:] == ["backward_begins", "step_ended"]


def another_optimizer(heard: Heard, optimizer: SGD) -> None:
    SGD([nn.Parameter(torch.ones(1))], lr=0.1)


def a_closure(heard: Heard, optimizer: SGD) -> None:
    optimizer.step(lambda: 0.0)


def its_end(heard: Heard, optimizer: SGD) -> None:
    patches.unlisten(heard)


def its_wish(heard: Heard, optimizer: SGD) -> None:
    events.rouse()


@pytest.mark.parametrize("what", [another_optimizer, a_closure, its_end, its_wish])
def test_the_quiet_ends_with_what_means_more(listening: Callable[..., Heard], what: Callable[..., None]) -> None:
    layer = nn.Linear(2, 1)
    heard, optimizer = hushed(listening, layer)
    loss_of(layer).backward()
    optimizer.step()
    what(heard, optimizer)
    assert heard.events[0] == ("recorded", (1, False))
    assert events.quiet.steps is None


def test_only_one_who_listens_alone_and_is_spared_is_hushed(listening: Callable[..., Heard]) -> None:
    layer = nn.Linear(2, 1)
    heard, _ = hushed(listening, layer)
    assert events.quiet.listener is heard
    quiet = events.quiet.steps
    assert quiet is not None
    other = listening()
    assert events.quiet.steps is None, "one who comes wants to hear"
    events.hush(heard, quiet, fail)
    assert events.quiet.steps is None
    patches.unlisten(other)
    events.spare(heard, spared=False)
    events.hush(heard, quiet, fail)
    assert events.quiet.steps is None


def test_one_who_cannot_record_its_quiet_steps_is_dropped(listening: Callable[..., Heard]) -> None:
    layer = nn.Linear(2, 1)
    heard, _ = hushed(listening, layer)
    events.quiet.recording = fail
    with pytest.warns(RuntimeWarning, match="stopped watching: ValueError: no"):
        events.rouse()
    assert [str(error) for error in heard.errors] == ["no"]
    assert events.empty()


def test_passes_within_a_quiet_one_are_no_events(listening: Callable[..., Heard]) -> None:
    inner, layer = nn.Linear(2, 1), nn.Linear(2, 1)
    heard, optimizer = hushed(listening, layer)

    def train_within(gradient: Tensor) -> None:
        with torch.enable_grad():
            loss_of(inner).backward()

    layer.weight.register_hook(train_within)
    loss_of(layer).backward()
    optimizer.step()
    assert heard.names == []
    assert inner.weight.grad is not None


def test_a_listener_may_give_up_one_event(listening: Callable[..., Heard]) -> None:
    heard = listening()
    events.deafen(heard, "backward_begins")
    loss_of(nn.Linear(2, 1)).backward()
    assert heard.names == ["backward_ended"]

"""Who hears of what a program does, and that listening never disturbs it."""

from __future__ import annotations

import gc
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
    monkeypatch.setattr(events, "_optimizers", weakref.WeakSet())
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
    assert of_first.events == [("step_begins", (first, False)), ("step_ended", (first,))]
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


def test_another_optimizer_or_a_closure_ends_the_sparing(listening: Callable[..., Heard]) -> None:
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
    assert not events.is_spared(heard)
    assert heard.names[-2:] == ["step_begins", "step_ended"]
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


def briefly(listening: Callable[..., Heard], *, enough: Callable[[Any], bool], **concerned: int | None) -> Heard:
    """A listener that may do with the short form of events."""
    heard = listening(**concerned)
    patches.unlisten(heard)
    heard.loss_alone = heard.step_alone = lambda subject: heard.events.append(("brief", (subject,))) or enough(subject)
    patches.listen(heard)
    return heard


@pytest.mark.parametrize("enough", [True, False])
def test_an_event_is_told_in_full_unless_the_short_form_is_enough(
    listening: Callable[..., Heard], enough: bool
) -> None:
    layer = nn.Linear(2, 1)
    optimizer = SGD(layer.parameters(), lr=0.1)
    heard = briefly(listening, enough=lambda _: enough, updates_of=id(optimizer))
    loss = loss_of(layer)
    loss.backward()
    optimizer.step()
    backward = ["brief"] if enough else ["brief", "backward_begins", "backward_ended"]
    step = ["step_begins", "brief"] if enough else ["step_begins", "brief", "step_ended"]
    assert heard.names == [*backward, *step]
    assert heard.events[0] == ("brief", (loss,))
    assert heard.events[len(backward) + 1] == ("brief", (optimizer,))


def several(listening: Callable[..., Heard], layer: nn.Module) -> None:
    listening()
    loss_of(layer).backward()


def within_a_mode(listening: Callable[..., Heard], layer: nn.Module) -> None:
    with FlopCounterMode(display=False):
        loss_of(layer).backward()


def for_inputs(listening: Callable[..., Heard], layer: nn.Module) -> None:
    loss_of(layer).backward(inputs=list(layer.parameters()))


def by_grad(listening: Callable[..., Heard], layer: nn.Module) -> None:
    torch.autograd.grad(loss_of(layer), list(layer.parameters()))


def of_two_losses(listening: Callable[..., Heard], layer: nn.Module) -> None:
    torch.autograd.backward([loss_of(layer), loss_of(layer)])


def elsewhere(listening: Callable[..., Heard], layer: nn.Module) -> None:
    in_thread(lambda: loss_of(layer).backward())


@pytest.mark.parametrize("run", [several, within_a_mode, for_inputs, by_grad, of_two_losses, elsewhere])
def test_only_the_usual_pass_is_told_in_short(listening: Callable[..., Heard], run: Callable[..., None]) -> None:
    heard = briefly(listening, enough=lambda _: True, thread=threading.get_ident())
    run(listening, nn.Linear(2, 1))
    assert heard.names == ([] if run is elsewhere else ["backward_begins", "backward_ended"])


def test_passes_within_one_that_was_told_in_short_are_no_events(listening: Callable[..., Heard]) -> None:
    heard, inner, layer = briefly(listening, enough=lambda _: True), nn.Linear(2, 1), nn.Linear(2, 1)

    def train_within(gradient: Tensor) -> None:
        with torch.enable_grad():
            loss_of(inner).backward()

    layer.weight.register_hook(train_within)
    loss_of(layer).backward()
    assert heard.names == ["brief"]
    assert inner.weight.grad is not None


def test_where_the_short_form_fails_the_event_is_told_in_full(listening: Callable[..., Heard]) -> None:
    heard = briefly(listening, enough=fail)
    loss_of(nn.Linear(2, 1)).backward()
    assert heard.names == ["brief", "backward_begins", "backward_ended"]


def test_a_listener_may_give_up_one_event(listening: Callable[..., Heard]) -> None:
    heard = listening()
    events.deafen(heard, "backward_begins")
    loss_of(nn.Linear(2, 1)).backward()
    assert heard.names == ["backward_ended"]

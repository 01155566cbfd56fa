"""Between samples nothing listens to forward passes, and yet no evaluation goes by unseen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_modules

from unstuck.observe import Observer
from unstuck.observe.torch_hooks import events, forward, patches
from unstuck.record import Run, RunWriter, signals

ORIGINALS = (torch.set_grad_enabled.__init__, torch.inference_mode.__enter__, nn.Module.train)


@pytest.fixture(autouse=True)
def originals() -> Iterator[None]:
    yield
    assert events.empty()
    assert (torch.set_grad_enabled.__init__, torch.inference_mode.__enter__, nn.Module.train) == ORIGINALS


def without_gradients(model: nn.Module, loss: Callable[[], Tensor]) -> None:
    with torch.no_grad():
        loss()


def in_inference(model: nn.Module, loss: Callable[[], Tensor]) -> None:
    with torch.inference_mode():
        loss()


def by_phase(model: nn.Module, loss: Callable[[], Tensor]) -> None:
    with torch.set_grad_enabled(False):
        loss()


def by_decorator(model: nn.Module, loss: Callable[[], Tensor]) -> None:
    torch.no_grad()(loss)()


@pytest.mark.parametrize("evaluate", [without_gradients, in_inference, by_phase, by_decorator])
def test_an_evaluation_between_samples_is_seen(
    evaluate: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.randn(8, 3), torch.randn(8, 1)
    fresh = torch.randn(8, 3)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer) as observer:
        monkeypatch.setattr(observer._pace.sampler, "due", lambda *_, **__: False)
        observer._spending.recognised(1e9)
        for step in range(60):
            optimizer.zero_grad()
            if step > 55:
                assert not torch_modules._global_forward_pre_hooks, "nothing listens"
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
        evaluate(model, lambda: nn.functional.mse_loss(model(fresh), y))
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
        assert not torch_modules._global_forward_pre_hooks
    validation = Run.open(tmp_path).series(signals.VALIDATION_LOSS)
    assert validation.steps.tolist() == [60]


def test_a_loop_that_tells_its_evaluations_is_not_disturbed_by_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer) as observer:
        monkeypatch.setattr(observer._pace.sampler, "due", lambda *_, **__: False)
        observer._spending.recognised(1e9)
        observer.evaluated(validation_loss=1.0)
        for _ in range(60):
            model(torch.ones(2, 3)).sum().backward()
            optimizer.step()
        with torch.no_grad():
            assert not torch_modules._global_forward_pre_hooks
            model(torch.ones(2, 3))


def test_counting_without_gradients_does_not_make_the_next_step_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer) as observer:
        monkeypatch.setattr(observer._pace.sampler, "due", lambda *_, **__: False)
        observer._spending.recognised(1e9)
        for step in range(60):
            if step > 55:
                assert not torch_modules._global_forward_pre_hooks
            outputs = model(torch.ones(2, 3))
            optimizer.zero_grad()
            outputs.sum().backward()
            optimizer.step()
            with torch.no_grad():
                (outputs > 0).sum()
        model.eval()
        with torch.no_grad():
            torch.ones(2)
        assert torch_modules._global_forward_pre_hooks, "a change of modes is not forgotten"


class Nobody:
    """Listens to nothing, so that the patches are in place."""

    thread = updates_of = None
    transformed = staticmethod(lambda: None)

    def failed(self, error: Exception) -> None:
        raise error


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is told of switches."""
    told: list[str] = []
    for name, word in (("turned", "turn"), ("gradients_off", "off"), ("gradients_on", "on")):
        monkeypatch.setattr(forward, name, partial(told.append, word))
    nobody = Nobody()
    patches.listen(nobody)
    told.clear()
    yield told
    patches.unlisten(nobody)


def test_patches_pass_through_and_tell(turns: list[str]) -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    turns.clear()
    with torch.enable_grad(), torch.set_grad_enabled(True):
        assert torch.is_grad_enabled()
    assert set(turns) == {"on"}
    contexts: list[tuple[Callable[[], Any], list[str]]] = [
        (torch.no_grad, ["off", "on"]),
        (partial(torch.set_grad_enabled, False), ["off"]),
        (torch.inference_mode, ["turn"]),
    ]
    for context, told in contexts:
        turns.clear()
        with context():
            assert not torch.is_grad_enabled()
        assert torch.is_grad_enabled()
        assert turns == told
    turns.clear()
    assert model.eval() is model
    assert not model[0].training
    assert turns == ["turn", "turn"], "each module is told its mode"


def test_optimizers_and_our_own_code_turn_nothing(turns: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([weight])
    weight.grad = torch.ones(2)
    turns.clear()
    optimizer.step()
    assert turns == []
    monkeypatch.setattr(events.thread, "telling", True)
    with torch.no_grad(), torch.inference_mode():
        nn.Linear(2, 2).eval()
    assert turns == []


def test_the_evaluation_within_a_closure_turns(turns: list[str]) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1)

    def closure() -> float:
        turns.clear()
        with torch.no_grad():
            return 0.0

    optimizer.step(closure)
    assert turns[:2] == ["off", "on"]


class Evaluated:
    """Watches a model whose evaluations it awaits."""

    awaits_evaluations = True

    def __init__(self, model: nn.Module, *, thread: int | None = None) -> None:
        self.thread = thread
        self.entries = {id(model)}
        self.seen: list[bool] = []

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, learning: bool) -> None:
        self.seen.append(learning)

    def failed(self, error: Exception) -> None:
        raise error


def test_a_switch_in_another_thread_is_no_evaluation_of_this_one() -> None:
    model = nn.Linear(2, 1)
    watcher, nobody = Evaluated(model, thread=threading.get_ident()), Nobody()
    patches.listen(nobody)
    forward.watch(watcher)
    forward.disregard(watcher)
    try:

        def elsewhere() -> None:
            model.eval()
            with torch.no_grad():
                model(torch.ones(1, 2))

        worker = threading.Thread(target=elsewhere)
        worker.start()
        worker.join()
        assert not torch_modules._global_forward_pre_hooks
        model(torch.ones(1, 2))
        assert watcher.seen == []
        with torch.no_grad():
            model(torch.ones(1, 2))
        assert watcher.seen == [False]
    finally:
        forward.unwatch(watcher)
        patches.unlisten(nobody)


def test_switches_are_told_until_the_last_listener_has_gone(turns: list[str]) -> None:
    nobody, model = Nobody(), nn.Linear(2, 2)
    patches.listen(nobody)
    patches.unlisten(nobody)
    turns.clear()
    with torch.no_grad():
        model.train()
        model.eval()
    assert turns == ["off", "turn", "on"], "the other still listens, and only one call has changed a mode"

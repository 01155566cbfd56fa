"""Between samples nothing listens to forward passes, and yet no evaluation goes by unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_modules

from unstuck.observe import Observer
from unstuck.observe.torch_hooks import evaluation_switches
from unstuck.record import Run, RunWriter, signals

ORIGINALS = (torch.set_grad_enabled.__init__, torch.inference_mode.__enter__, nn.Module.train)


@pytest.fixture(autouse=True)
def originals() -> Iterator[None]:
    evaluation_switches.forget()
    yield
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
        monkeypatch.setattr(observer._sampler, "due", lambda *_, **__: False)
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
        monkeypatch.setattr(observer._sampler, "due", lambda *_, **__: False)
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
        monkeypatch.setattr(observer._sampler, "due", lambda *_, **__: False)
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


def test_wraps_are_passed_through_and_taken_away() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    turns: list[str] = []
    note = (partial(turns.append, "turn"), partial(turns.append, "off"), partial(turns.append, "on"))
    evaluation_switches.expect(note[0], off=note[1], on=note[2])
    try:
        with torch.enable_grad(), torch.set_grad_enabled(True):
            assert torch.is_grad_enabled()
        assert set(turns) == {"on"}
        for context, told in (
            (torch.no_grad, ["off", "on"]),
            (partial(torch.set_grad_enabled, False), ["off"]),
            (torch.inference_mode, ["turn"]),
        ):
            turns.clear()
            with context():
                assert not torch.is_grad_enabled()
            assert torch.is_grad_enabled()
            assert turns == told
        turns.clear()
        assert model.eval() is model
        assert not model[0].training
        assert turns == ["turn", "turn"], "each module is told its mode"
    finally:
        evaluation_switches.forget()
    turns.clear()
    with torch.no_grad():
        model.train()
    assert not turns

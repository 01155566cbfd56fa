"""Trainings that have no optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe import Session, sampling
from unstuck.observe.updates import SURE, OwnUpdates
from unstuck.record import Run, RunWriter, facts, signals


def in_place(weight: Tensor, loss: Tensor) -> None:
    loss.backward()
    assert weight.grad is not None
    gradient = weight.grad
    with torch.no_grad():
        weight -= 0.1 * gradient
        gradient.zero_()


def by_data(weight: Tensor, loss: Tensor) -> None:
    weight.grad = None
    loss.backward()
    assert weight.grad is not None
    weight.data = weight.data - 0.1 * weight.grad


def functional(weight: Tensor, loss: Tensor) -> None:
    (gradient,) = torch.autograd.grad(loss, [weight])
    with torch.no_grad():
        weight -= 0.1 * gradient


@pytest.mark.parametrize("update", [in_place, by_data, functional])
def test_an_update_by_hand_is_a_step(tmp_path: Path, update: Callable[[Tensor, Tensor], None]) -> None:
    with RunWriter(tmp_path) as writer, Session(writer):
        weight = torch.tensor([3.0, 4.0], requires_grad=True)
        for _ in range(3):
            update(weight, weight.square().sum())
    with Run.open(tmp_path) as run:
        assert run.series(signals.LOSS).values.tolist() == pytest.approx([25.0, 16.0, 10.24])
        assert run.table(signals.GRADIENT_NORM).values[:, 0].tolist() == pytest.approx([10.0, 8.0, 6.4])
        assert run.table(signals.UPDATE_NORM).values[:, 0].tolist() == pytest.approx([1.0, 0.8, 0.64])
        assert run.table(signals.UPDATE_GRADIENT_COSINE).values[:, 0].tolist() == pytest.approx([-1.0] * 3)
        assert run.names(signals.WEIGHT_NORM.index) == ("weight",)
        end = run.fact(facts.End)
    assert end is not None
    assert end.steps == 3


def test_the_program_s_gradients_are_left_as_they_are(tmp_path: Path) -> None:
    weight = torch.tensor([3.0], requires_grad=True)
    with RunWriter(tmp_path) as writer, Session(writer):
        weight.square().sum().backward()
        mine = weight.grad
        assert mine is not None
        weight.data -= 0.1 * mine
        mine.zero_()
        weight.square().sum().backward()
        assert weight.grad is mine
        assert mine.item() == pytest.approx(2 * 2.4)


def test_several_backward_passes_before_an_update_are_one_step(tmp_path: Path) -> None:
    weight = torch.tensor([1.0], requires_grad=True)
    with RunWriter(tmp_path) as writer, Session(writer):
        for _ in range(4):
            for factor in (1.0, 3.0):
                (factor * weight.square().sum()).backward()
            assert weight.grad is not None
            weight.data -= 0.01 * weight.grad
            weight.grad = None
    with Run.open(tmp_path) as run:
        losses = run.series(signals.LOSS)
    assert len(losses) == 4
    assert losses.values[0] == pytest.approx(2.0)


def test_layers_of_a_module_updated_by_hand_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "DENSE_SECONDS", math.inf)  # whatever else the machine does
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    inputs = torch.randn(8, 3)
    with RunWriter(tmp_path) as writer, Session(writer):
        for _ in range(5):
            nn.functional.mse_loss(model(inputs), inputs.sum(1, keepdim=True)).backward()
            with torch.no_grad():
                for parameter in model.parameters():
                    assert parameter.grad is not None
                    parameter -= 0.05 * parameter.grad
            model.zero_grad()
    with Run.open(tmp_path) as run:
        assert run.names(signals.WEIGHT_NORM.index) == ("0.weight", "0.bias", "2.weight", "2.bias")
        assert len(run.table(signals.ACTIVATION_STD)) == 4  # the first forward pass came before anything was known
        assert len(run.series(signals.LOSS)) == 5


def test_gradients_of_inputs_alone_are_no_training(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer, Session(writer):
        for _ in range(3):
            image = torch.ones(4, requires_grad=True)
            image.square().sum().backward()
    with Run.open(tmp_path) as run:
        assert not run.has(signals.LOSS)


def test_the_loss_of_a_program_without_modules_is_seen(tmp_path: Path) -> None:
    inputs = torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
    targets = inputs.sum(dim=1)
    with RunWriter(tmp_path) as writer, Session(writer):
        weight = torch.zeros(3, requires_grad=True)
        for _ in range(6):
            in_place(weight, torch.nn.functional.mse_loss(inputs @ weight, targets))
    with Run.open(tmp_path) as run:
        loss = run.fact(facts.Loss)
        calls = run.series(signals.LOSS_CALL)
        losses = run.series(signals.LOSS)
    assert loss is not None
    assert (loss.function, loss.target.shape) == ("mse_loss", (32,))
    assert calls.steps.tolist() == [1, 2, 3, 4, 5]  # the forward pass of the first step has gone by unseen
    assert calls.values.tolist() == pytest.approx(losses.values[1:].tolist())


def test_a_broadcast_in_a_program_without_modules_is_seen(tmp_path: Path) -> None:
    inputs = torch.linspace(-1, 1, 20).unsqueeze(1)
    with RunWriter(tmp_path) as writer, Session(writer):
        weight = torch.zeros(1, requires_grad=True)
        for _ in range(4):
            in_place(weight, (inputs * weight - 3 * inputs.squeeze(1)).square().mean())
    with Run.open(tmp_path) as run:
        fact = run.fact(facts.Broadcast)
    assert fact is not None
    assert fact.result == (20, 20)


def test_the_batch_of_a_program_without_modules_is_what_its_first_weight_multiplies(tmp_path: Path) -> None:
    inputs = torch.randn(32, 3, generator=torch.Generator().manual_seed(0)) * 50 + 200
    first, second = torch.randn(3, 4, requires_grad=True), torch.randn(4, 1, requires_grad=True)
    optimizer = torch.optim.SGD([first, second], lr=1e-6)
    with RunWriter(tmp_path) as writer, Session(writer):
        for _ in range(6):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(torch.tanh(inputs @ first) @ second, torch.zeros(32, 1)).backward()
            optimizer.step()
    with Run.open(tmp_path) as run:
        seen = run.fact(facts.Inputs)
        sizes = run.series(signals.BATCH_SIZE).values
    assert seen is not None
    assert seen.shape == (32, 3)
    assert min(seen.feature_means) > 150
    assert sizes.tolist() == [32.0] * len(sizes)


def test_weights_whose_memory_is_given_back_tell_of_no_update() -> None:
    kept, given_back = torch.ones(3), torch.ones(3)
    updates = OwnUpdates([kept, given_back])
    given_back.untyped_storage().resize_(0)
    updates.expect()
    assert not updates.made()
    given_back.untyped_storage().resize_(12)
    assert not updates.made()
    kept += 1.0
    assert updates.made()


def subtract(weight: Tensor) -> None:
    with torch.no_grad():
        weight.sub_(0.5)


def subtract_from_data(weight: Tensor) -> None:
    weight.data -= 0.5


@pytest.mark.parametrize("change", [subtract, subtract_from_data])
def test_values_are_compared_until_their_versions_have_told_the_same(
    change: Callable[[Tensor], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = torch.ones(3, requires_grad=True)
    seen = OwnUpdates([weight])
    compared, marked = list[int](), seen._marked
    monkeypatch.setattr(seen, "_marked", lambda: compared.append(0) or marked())
    for _ in range(10):
        seen.expect()
        assert not seen.made()
        change(weight)
        assert seen.made()
        assert not seen.made()
    assert len(compared) == 3 * (SURE if change is subtract else 10)

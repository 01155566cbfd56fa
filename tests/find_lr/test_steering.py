"""Steering in the test's own process: what is heard of a loop, and what becomes of it."""

import json
import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from unstuck.find_lr.steering import Asked, Steering
from unstuck.observe.torch_hooks import events

INPUTS = torch.linspace(-1.0, 1.0, 24).view(8, 3)
TARGETS = INPUTS.sum(1, keepdim=True)


def network(seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(3, 1)


@dataclass
class Steered:
    """A loop that is asked for some updates, until it is done."""

    file: Path
    rates: tuple[float, ...]
    passed_by: int = 0
    bound: float = math.inf
    known: dict[str, Any] = field(default_factory=dict)
    done: bool = False

    def run(self, update: Callable[[], object], *, most: int = 50) -> list[dict[str, Any]]:
        self.file.write_text("")

        def begins(known: dict[str, Any]) -> Asked:
            self.known = known
            return Asked(rates=self.rates, passed_by=self.passed_by, losses=self.file, bound=self.bound)

        def done() -> None:
            self.done = True

        with Steering(begins=begins, done=done):
            for _ in range(most):
                update()
                if self.done:
                    break
        return [json.loads(line) for line in self.file.read_text().splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "losses"


def losses(said: list[dict[str, Any]]) -> list[float]:
    return [line["loss"] for line in said]


def test_each_update_is_made_at_the_rate_that_was_asked_for(file: Path) -> None:
    model, seen = network(), []
    heads = [{"params": [model.weight], "lr": 0.2}, {"params": [model.bias], "lr": 0.1}]
    optimizer = torch.optim.SGD(heads)

    def update() -> None:
        optimizer.zero_grad()
        loss = mse_loss(model(INPUTS), TARGETS)
        loss.backward()
        optimizer.step()
        seen.append((loss.item(), [group["lr"] for group in optimizer.param_groups]))

    steered = Steered(file, rates=(0.3, 0.02, 0.4))
    said = steered.run(update)
    assert steered.done
    assert losses(said) == pytest.approx([loss for loss, _ in seen])
    assert [rates for _, rates in seen] == [[0.3, 0.15], [0.02, 0.01], [0.4, 0.2]]
    assert steered.known == {
        "method": "SGD", "others": steered.known["others"], "parameters": 4, "rate": 0.2, "momentum": 0.0
    }  # fmt: skip


def stepping(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    def update() -> None:
        optimizer.zero_grad()
        mse_loss(model(INPUTS), TARGETS).backward()
        optimizer.step()

    return update


def test_updates_that_are_passed_by_leave_nothing_behind(file: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    before, weights = model.weight.detach().clone(), []
    step = stepping(model, optimizer)

    def update() -> None:
        step()
        weights.append((model.weight.detach().clone(), len(optimizer.state)))

    said = Steered(file, rates=(0.1, 0.1), passed_by=3).run(update)
    assert len(said) == 2
    assert all(torch.equal(weight, before) and state == 0 for weight, state in weights[:3])
    assert not torch.equal(weights[3][0], before)


def test_at_a_rate_of_zero_neither_weights_nor_momentum_move(file: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    before = model.weight.detach().clone()
    said = Steered(file, rates=(0.0,) * 4).run(stepping(model, optimizer))
    assert len(set(losses(said))) == 1
    assert torch.equal(model.weight, before)
    assert not optimizer.state


def test_the_loss_of_an_update_is_the_mean_over_its_passes(file: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    parts: list[float] = []

    def update() -> None:
        optimizer.zero_grad()
        for part in (slice(0, 4), slice(4, 8)):
            loss = mse_loss(model(INPUTS[part]), TARGETS[part])
            parts.append(loss.item())
            loss.backward()
        optimizer.step()

    said = Steered(file, rates=(0.1,) * 3).run(update)
    assert losses(said) == pytest.approx([(a + b) / 2 for a, b in zip(parts[::2], parts[1::2], strict=True)])


def test_a_pass_whose_gradients_are_cleared_counts_for_no_update(file: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = stepping(model, optimizer)

    def update() -> None:
        optimizer.zero_grad()
        (1000.0 + model(INPUTS).mean()).backward()  # such as of a gradient that is only looked at
        step()

    said = Steered(file, rates=(0.1,) * 5).run(update)
    # The first pass comes before it is known which optimizer is steered.
    assert max(losses(said)[1:]) < 100.0


def test_losses_are_those_before_scaling_also_where_the_scale_changes(file: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=2)
    plain: list[float] = []
    scales: set[float] = set()

    def update() -> None:
        optimizer.zero_grad()
        loss = mse_loss(model(INPUTS), TARGETS)
        scales.add(scaler.get_scale())
        weight = model.weight.detach().clone()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        if not torch.equal(model.weight, weight):
            plain.append(loss.item())

    said = Steered(file, rates=(0.05,) * 8).run(update)
    assert losses(said) == pytest.approx(plain, rel=1e-6)
    assert len(scales) > 1


def test_of_a_closure_the_loss_is_that_of_its_first_call(file: Path) -> None:
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
    firsts: list[float] = []

    def update() -> None:
        calls: list[float] = []

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = mse_loss(model(INPUTS), TARGETS)
            loss.backward()
            calls.append(loss.item())
            return loss

        optimizer.step(closure)
        firsts.append(calls[0])

    assert losses(Steered(file, rates=(0.2,) * 3).run(update)) == pytest.approx(firsts)


def test_another_optimizer_keeps_its_rate_and_its_losses_are_not_heard(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_optimizers", weakref.WeakKeyDictionary())  # without those of other tests
    model, other = network(0), network(1)

    @cache
    def optimizers() -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        """Constructed by the script, as those that are counted."""
        return torch.optim.SGD(model.parameters(), lr=0.1), torch.optim.SGD(other.parameters(), lr=0.03)

    def update() -> None:
        first, second = optimizers()
        stepping(model, first)()
        second.zero_grad()
        (1000.0 + other(INPUTS).square().mean()).backward()
        second.step()

    steered = Steered(file, rates=(0.2,) * 4)
    said = steered.run(update)
    assert len(said) == 4
    assert max(losses(said)) < 100.0
    assert [optimizer.param_groups[0]["lr"] for optimizer in optimizers()] == [0.2, 0.03]
    assert steered.known["others"] == 1


def test_a_loss_that_is_no_number_is_the_last(file: Path) -> None:
    model = network()
    steered = Steered(file, rates=(1e30,) * 30)
    said = steered.run(stepping(model, torch.optim.SGD(model.parameters(), lr=0.1)))
    assert steered.done
    assert len(said) < 30
    assert not math.isfinite(said[-1]["loss"])
    assert all(map(math.isfinite, losses(said)[:-1]))


def test_a_loss_beyond_the_bound_is_the_last_and_said(file: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters())
    said = Steered(file, (100.0,) * 9, bound=1e4).run(stepping(model, optimizer))
    *lower, last = losses(said[:-1])
    assert max(lower) <= 1e4 < last
    assert said[-1] == {"ended": f"the loss grew to {last:.3g}"}


def test_an_optimizer_without_a_rate_is_told_as_such(file: Path) -> None:
    class Rateless(torch.optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {})

        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            pass

    model = network()
    steered = Steered(file, rates=())
    steered.run(stepping(model, Rateless(model.parameters())), most=1)
    assert steered.known["rate"] is None


def test_what_fails_within_is_said_with_its_error(file: Path) -> None:
    steering = Steering(begins=lambda known: Asked(rates=(), passed_by=0, losses=file), done=lambda: None)
    steering.failed(ValueError("before anybody asked"))
    assert not file.exists()
    model = network()
    with steering:
        stepping(model, torch.optim.SGD(model.parameters(), lr=0.1))()
    said = [json.loads(line) for line in file.read_text().splitlines()]
    assert said == [{"ended": "the search failed within the script: IndexError: tuple index out of range"}]

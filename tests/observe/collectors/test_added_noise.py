"""Noise is found in the input and in the target, by its values, and its level in what enters beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Session
from unstuck.record import Run, RunWriter
from unstuck.record.facts import AddedNoise


class Denoiser(nn.Module):
    """Is given a noisy example and a time."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor, t: Tensor | float = 0.0) -> Tensor:
        times = t.reshape(-1, 1) if isinstance(t, Tensor) else torch.full_like(x[:, :1], t)
        return self.layer(torch.cat([x, times], dim=1))


class Whole(nn.Module):
    """Adds the noise itself, and gives the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.denoiser = Denoiser()

    def forward(self, x: Tensor) -> Tensor:
        t, noise = torch.rand(len(x), 1), torch.randn_like(x)
        return F.mse_loss(self.denoiser((1 - t) * x + noise * t, t), noise)


Loss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]

usual: Loss = lambda model, x, t, noise: F.mse_loss(model((1 - t) * x + t * noise, t), noise)
anew: Loss = lambda model, x, t, noise: F.mse_loss(model((1 - t) * x + t * noise, t), torch.randn_like(x) - x)
one_time: Loss = lambda model, x, t, noise: F.mse_loss(model((1 - t) * x + t * noise, 0 * t), noise)
other_time: Loss = lambda model, x, t, noise: F.mse_loss(model((1 - t) * x + t * noise, torch.rand(len(x))), noise)
one_level: Loss = lambda model, x, t, noise: F.mse_loss(model(x + 0.3 * noise, t), noise)
untold: Loss = lambda model, x, t, noise: F.mse_loss(model((1 - t) * x + t * noise), noise)
one_number: Loss = lambda model, x, t, noise: F.mse_loss(model((1 - t) * x + t * noise, 0), noise)
number_told: Loss = lambda model, x, t, noise: F.mse_loss(
    model((1 - t[:1]) * x + t[0].expand(64, 1) * noise, float(t[0])), noise
)
joined: Loss = lambda model, x, t, noise: F.mse_loss(model.layer(torch.cat([x + t * noise, t], dim=1)), noise)


@pytest.fixture
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    def look(loss: Loss | None) -> tuple[AddedNoise, ...]:
        torch.manual_seed(0)
        folder: Path = tmp_path_factory.mktemp("run") / "run"
        model = Whole() if loss is None else Denoiser()
        with RunWriter(folder) as writer, Session(writer, budget=1.0):
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for _ in range(10):
                x, t = torch.rand(64, 3), torch.rand(64, 1)
                value = model(x) if loss is None else loss(model, x, t, torch.randn(64, 3))
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
        with Run.open(folder) as run:
            return run.facts(AddedNoise)

    return look


@pytest.mark.parametrize("loss", [usual, joined, None], ids=["usual", "joined", "within the model"])
def test_noise_is_in_the_input_and_in_the_target(seen: Any, loss: Loss | None) -> None:
    (fact,) = seen(loss)
    assert (fact.values, fact.varied, fact.file) == (3, True, __file__)
    assert fact.examples > 300
    assert fact.in_input > 0.5
    assert fact.in_target == pytest.approx(1.0)
    assert fact.told > 50.0


def test_noise_that_is_drawn_anew_is_in_the_target_alone(seen: Any) -> None:
    added, asked = sorted(seen(anew), key=lambda fact: -fact.in_input)
    assert added.in_input > 0.5
    assert abs(added.in_target) < 0.1
    assert abs(asked.in_input) < 0.1
    assert asked.in_target > 0.5
    assert asked.together < 0.0


def test_a_level_that_the_model_is_not_told_has_no_relation_to_what_it_is(seen: Any) -> None:
    (one,), (other,) = seen(one_time), seen(other_time)
    assert (one.same, one.told, one.single) == (True, 0.0, True)
    assert not other.same
    assert other.told < 5.0


@pytest.mark.parametrize(("loss", "told"), [(one_number, False), (number_told, True)])
def test_a_single_number_is_what_all_examples_are_told(seen: Any, loss: Loss, *, told: bool) -> None:
    (fact,) = seen(loss)
    assert (fact.varied, fact.same, fact.single) == (True, not told, True)
    assert (fact.told > 10.0) is told


def test_one_level_and_none_told_say_nothing(seen: Any) -> None:
    (level,), (nothing,) = seen(one_level), seen(untold)
    assert (level.varied, level.told) == (None, None)
    assert (nothing.varied, nothing.told) == (True, None)


def test_noise_of_another_shape_is_not_compared(seen: Any) -> None:
    (other,) = seen(lambda model, x, t, noise: F.mse_loss(model(x, torch.randn(64, 1)), x))
    assert abs(other.in_input) < 0.1


@pytest.mark.parametrize(
    ("level", "along", "told"),
    [
        (lambda t: t.reshape(-1), True, True),
        (lambda t: t.reshape(-1, 1), False, True),
        (lambda t: torch.linspace(0.1, 1.0, 32), True, False),
    ],
    ids=["of examples, along the values", "of examples", "of values"],
)
def test_levels_that_are_broadcast_along_the_values_are_told_from_those_of_examples(
    tmp_path: Path, level: Callable[[Tensor], Tensor], along: bool, told: bool
) -> None:
    torch.manual_seed(0)
    model = nn.Linear(33, 32)
    with RunWriter(tmp_path / "run") as writer, Session(writer, budget=1.0):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(12):
            x, t, noise = torch.rand(32, 32), torch.rand(32, 1), torch.randn(32, 32)
            loss = F.mse_loss(model(torch.cat([x + level(t) * noise, t], dim=1)), noise)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with Run.open(tmp_path / "run") as run:
        (fact,) = run.facts(AddedNoise)
    assert (fact.along, fact.varied) == (along, True)
    assert (fact.told > 8.0) is told

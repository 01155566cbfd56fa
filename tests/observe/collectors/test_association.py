"""Targets held against their inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import unstuck
from unstuck.observe.collectors.association import AssociationProbe
from unstuck.record import Run
from unstuck.record.facts import Association, Unpaired


def test_batches_are_gathered_and_what_is_no_pair_is_passed_by() -> None:
    probe = AssociationProbe()
    probe.take(None, torch.zeros(4))
    probe.take(torch.zeros(4, 3), torch.zeros(8))
    assert probe.fact() is None
    for _ in range(5):
        inputs = torch.randn(40, 2, 5)
        probe.take(inputs, (inputs.sum((1, 2)) > 0).long())
    ids = torch.randint(50, (40, 7))
    probe.take(ids, torch.zeros(40))
    found = probe.fact()
    assert found is not None
    assert (found.met, found.examples) == (200, 200)
    assert found.linear > 15


def test_ids_are_compared_by_how_often_they_occur() -> None:
    probe = AssociationProbe()
    topic = torch.randint(2, (400,))
    probe.take(torch.randint(0, 40, (400, 12)) + 40 * topic[:, None], topic)
    found = probe.fact()
    assert found is not None
    assert found.told is not None
    assert found.told > 0.95


def test_class_ids_that_count_the_batch_are_no_labels() -> None:
    """As those of a contrastive loss, by which each example is to find its own other view."""
    probe = AssociationProbe()
    for _ in range(8):
        probe.take(torch.randn(64, 5), torch.randperm(64))
    assert probe.fact() is None
    for _ in range(8):
        probe.take(torch.randn(64, 5), torch.randint(64, (64,)))
    assert probe.fact() is not None


class Compared(nn.Module):
    """Are two things alike? Asked of both at once, or of one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.head((self.body(first) - self.body(second)).square()).squeeze(1)


@pytest.mark.parametrize("way", ["a pair", "by keyword", "twice", "alone"])
def test_an_example_of_several_parts_is_not_judged_by_its_first(tmp_path: Path, way: str) -> None:
    torch.manual_seed(0)
    body, pairs = nn.Sequential(nn.Linear(6, 8)), Compared()
    optimizer = torch.optim.SGD([*body.parameters(), *pairs.parameters()], lr=1e-3)
    with unstuck.watch(body if way in ("twice", "alone") else pairs, optimizer, out=tmp_path / "run"):
        for _ in range(30):
            first, second = torch.randn(2, 64, 6)
            alike = (first[:, 0] * second[:, 0] > 0).float()
            if way == "a pair":
                score = pairs(first, second)
            elif way == "by keyword":
                score = pairs(first, second=second)
            else:
                score = body(first).sum(1) + (body(second).sum(1) if way == "twice" else 0.0)
            loss = nn.functional.binary_cross_entropy_with_logits(score, alike)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with Run.open(tmp_path / "run") as run:
        assert run.knows(Association) is (way == "alone")


def watched(folder: Path, model: nn.Module, step: Callable[[nn.Module], Tensor], *, steps: int = 20) -> Run:
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with unstuck.watch(model, optimizer, out=folder / "run"):
        for _ in range(steps):
            loss = step(model)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return Run.open(folder / "run")


def strongest(run: Run) -> float:
    pairs = run.fact(Association)
    assert pairs is not None
    return max(pairs.neighbours, pairs.linear)


class Noise(nn.Module):
    """Tells the noise in a sample at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(7, 6)

    def forward(self, sample: Tensor, time: Tensor) -> Tensor:
        return self.layer(torch.cat([sample, time[:, None]], dim=1))


class Diffusion(nn.Module):
    """The same with noise and loss within the model."""

    def __init__(self, *, ends: bool) -> None:
        super().__init__()
        self.net, self.ends = Noise(), ends

    def forward(self, clean: Tensor) -> Any:
        time, noise = torch.rand(len(clean)), torch.randn_like(clean)
        found = self.net(clean + noise * time[:, None], time)
        return nn.functional.mse_loss(found, noise) if self.ends else (found, noise)


@pytest.mark.parametrize("draws", [1, 2])
def test_the_noise_of_a_sample_belongs_to_it_if_it_was_drawn_once(tmp_path: Path, draws: int) -> None:
    def step(model: nn.Module) -> Tensor:
        clean, time, noise = torch.randn(64, 6), torch.rand(64), torch.randn(64, 6)
        found = model(clean + noise * time[:, None], time)
        return nn.functional.mse_loss(found, noise if draws == 1 else torch.randn(64, 6))

    with watched(tmp_path, Noise(), step) as run:
        pairs = run.fact(Association)
        assert pairs is not None
        assert (pairs.met, pairs.parts, pairs.numbers) == (1024, 2, 6)
        assert (strongest(run) > 15) is (draws == 1)


@pytest.mark.parametrize("ends", [True, False])
def test_of_targets_that_are_made_within_the_model_what_enters_its_parts_counts(tmp_path: Path, ends: bool) -> None:
    def step(model: nn.Module) -> Tensor:
        found = model(torch.randn(64, 6))
        return found if ends else nn.functional.mse_loss(*found)

    with watched(tmp_path, Diffusion(ends=ends), step) as run:
        assert strongest(run) > 15


def test_time_may_be_the_first_axis(tmp_path: Path) -> None:
    """Then rows of one time step have nothing to do with a target that is the input three steps before."""

    class Echo(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRU(1, 4)

        def forward(self, series: Tensor) -> Tensor:
            return self.cell(series)[0][..., :1]

    def step(model: nn.Module) -> Tensor:
        series = torch.randn(10, 64, 1)
        return nn.functional.mse_loss(model(series), series.roll(3, 0))

    with watched(tmp_path, Echo(), step) as run:
        assert strongest(run) > 15


def reason(run: Run) -> str:
    assert not run.knows(Association)
    (unpaired,) = run.facts(Unpaired)
    return unpaired.reason


def test_why_nothing_is_compared_is_said(tmp_path: Path) -> None:
    def itself(model: nn.Module) -> Tensor:
        batch = torch.randn(64, 6)
        return nn.functional.mse_loss(model(batch), batch)

    def twice(model: nn.Module) -> Tensor:
        return nn.functional.mse_loss(model(torch.randn(64, 6)), model(torch.randn(64, 6)).detach())

    def pair(model: nn.Module) -> Tensor:
        return nn.functional.mse_loss(model(torch.randn(64, 6), torch.randn(64, 6)), torch.randn(64, 1))

    with watched(tmp_path / "itself", nn.Linear(6, 6), itself) as run:
        assert "inputs themselves" in reason(run)
    with watched(tmp_path / "twice", nn.Linear(6, 6), twice) as run:
        assert "more than one batch" in reason(run)
    with watched(tmp_path / "pair", nn.Bilinear(6, 6, 1), pair) as run:
        assert "pair" in reason(run)


def test_of_several_losses_the_targets_that_belong_to_the_inputs_count(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        inputs = torch.randn(64, 6)
        found = model(inputs)
        first = nn.functional.mse_loss(found[:, :3], torch.randn(64, 3))
        return first + nn.functional.mse_loss(found[:, 3:], inputs[:, :3].sin())

    with watched(tmp_path, nn.Linear(6, 6), step) as run:
        assert strongest(run) > 15

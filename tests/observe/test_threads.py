"""Trainings in several threads: none crashes, none is missed, and each has the losses that it has alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import nn

from unstuck.observe import Session
from unstuck.record import Run, RunWriter, signals

STEPS = 60


def trained(seed: int) -> list[float]:
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses: list[float] = []
    for _ in range(STEPS):
        x = torch.randn(64, 20, generator=generator)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), x[:, :1])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def at_once(trainings: int) -> list[list[float]]:
    with ThreadPoolExecutor(trainings) as pool:
        return list(pool.map(trained, range(trainings)))


def watched(trainings: int, folder: Path) -> None:
    with RunWriter(folder) as writer, Session(writer) as session:
        results = at_once(trainings)
    assert session.failure is None
    assert results == [trained(seed) for seed in range(trainings)]
    with Run.open(folder) as run:
        recorded = [stream.series(signals.LOSS).values.tolist() for stream in run.streams()]
    assert sorted(recorded) == sorted(results)


def test_two_trainings_at_once(tmp_path: Path) -> None:
    for repetition in range(3):
        watched(2, tmp_path / str(repetition))


@pytest.mark.slow
def test_eight_in_a_pool_fifty_times(tmp_path: Path) -> None:
    for repetition in range(50):
        watched(8, tmp_path / str(repetition))

"""Batch norms that normalise by a few examples."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.observe.collectors.sequences import facts_of
from unstuck.observe.collectors import batch_statistics
from unstuck.observe.collectors.batch_statistics import noise_of_means
from unstuck.record.facts import BatchStatistics

CHANNELS = 400


def settled(norm: nn.Module, *shape: int) -> nn.Module:
    for _ in range(200):
        norm(torch.randn(shape))
    return norm


@pytest.mark.parametrize("examples", [2, 4, 16])
def test_noise_is_one_over_the_number_of_values(examples: int) -> None:
    torch.manual_seed(0)
    noise = noise_of_means(settled(nn.BatchNorm1d(CHANNELS), 64, CHANNELS), torch.randn(examples, CHANNELS))
    assert noise == pytest.approx(1 / examples, rel=0.3)


def test_positions_count_as_far_as_they_differ() -> None:
    torch.manual_seed(0)
    norm = settled(nn.BatchNorm2d(CHANNELS), 16, CHANNELS, 2, 2)
    different, alike = torch.randn(2, CHANNELS, 4, 4), torch.randn(2, CHANNELS, 1, 1).expand(-1, -1, 4, 4)
    noises = [noise_of_means(norm, batch) for batch in (different, alike)]
    assert noises == [pytest.approx(1 / 32, rel=0.3), pytest.approx(0.4, rel=0.3)]


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm1d(4).eval(), nn.BatchNorm1d(4, track_running_stats=False), nn.SyncBatchNorm(4)]
)
def test_other_statistics_are_no_chance(norm: nn.Module) -> None:
    assert noise_of_means(norm, torch.randn(2, 4)) is None


def test_no_number_of_a_norm_is_changed() -> None:
    norm, batch = nn.BatchNorm1d(4), torch.randn(2, 4)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    noise_of_means(norm, batch)
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())


def test_each_norm_is_asked_a_few_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_statistics, "ASKED_FROM", (0, 2))

    def step(model: nn.Module) -> Tensor:
        return F.mse_loss(model(torch.randn(2, 3)), torch.zeros(2, 3))

    found = facts_of(tmp_path, BatchStatistics, nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), step)
    assert [(fact.where, fact.step, fact.examples) for fact in found] == [("1", 0, 2), ("1", 2, 2)]

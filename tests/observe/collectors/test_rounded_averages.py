"""Averages of weights in half precision, in whichever spelling they are taken."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import unstuck
from unstuck.observe.collectors.rounded_averages import LOOKS, lost_way
from unstuck.record import Run
from unstuck.record.facts import RoundedAverage

Pairs = Iterable[tuple[Tensor, Tensor]]


def lerp(pairs: Pairs, decay: float) -> None:
    for average, weight in pairs:
        average.lerp_(weight.to(average.dtype), 1 - decay)


def in_place(pairs: Pairs, decay: float) -> None:
    for average, weight in pairs:
        average.mul_(decay).add_(weight.to(average.dtype), alpha=1 - decay)


def copied(pairs: Pairs, decay: float) -> None:
    for average, weight in pairs:
        average.copy_(decay * average + (1 - decay) * weight)


def lists(pairs: Pairs, decay: float) -> None:
    averages, weights = zip(*pairs, strict=True)
    torch._foreach_lerp_(averages, [weight.to(averages[0].dtype) for weight in weights], 1 - decay)  # pyright: ignore


def recorded(folder: Path, average: Callable[[Pairs, float], None], decay: float, dtype: torch.dtype) -> list[float]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    slow = copy.deepcopy(model).to(dtype).requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    with unstuck.watch(model, optimizer, out=folder / "run"):
        for _ in range(LOOKS + 4):
            optimizer.zero_grad()
            x = torch.randn(16, 4)
            F.mse_loss(model(x)[:, 0], x.sum(dim=1)).backward()
            optimizer.step()
            with torch.no_grad():
                average(zip(slow.parameters(), model.parameters(), strict=True), decay)
    with Run.open(folder / "run") as run:
        return [fact.share for fact in run.facts(RoundedAverage)]


@pytest.mark.parametrize("average", [lerp, in_place, copied, lists])
def test_steps_that_are_rounded_away_are_counted(tmp_path: Path, average: Callable[[Pairs, float], None]) -> None:
    (share,) = recorded(tmp_path, average, 0.9995, torch.bfloat16)
    assert share > 0.8


@pytest.mark.parametrize(
    ("average", "decay", "dtype"),
    [(lerp, 0.8, torch.bfloat16), (lerp, 0.99, torch.float16), (in_place, 0.995, torch.bfloat16)],
)
def test_steps_that_arrive_are_no_loss(
    tmp_path: Path, average: Callable[[Pairs, float], None], decay: float, dtype: torch.dtype
) -> None:
    (share,) = recorded(tmp_path, average, decay, dtype)
    assert share < 0.35


def test_averages_in_single_precision_are_not_looked_at(tmp_path: Path) -> None:
    assert not recorded(tmp_path, lerp, 0.9995, torch.float32)


def test_averages_of_pytorchs_own_are_looked_at(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 1).to(torch.bfloat16)
    slow = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9995))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    with unstuck.watch(model, optimizer, out=tmp_path / "run"):
        for _ in range(LOOKS + 4):
            optimizer.zero_grad()
            outputs = model(torch.randn(16, 4, dtype=torch.bfloat16))
            F.mse_loss(outputs, torch.ones(16, 1, dtype=torch.bfloat16)).backward()
            optimizer.step()
            slow.update_parameters(model)
    with Run.open(tmp_path / "run") as run:
        facts = run.facts(RoundedAverage)
    assert [fact.type for fact in facts] == ["bfloat16"]
    assert facts[0].line is not None


def test_the_way_is_that_of_each_entry() -> None:
    average = torch.tensor([1.0, 1.0], dtype=torch.bfloat16)
    lost, whole = lost_way(average, torch.tensor([1.1, 2.0]), 0.01)
    assert (float(lost), float(whole)) == pytest.approx((0.1, 1.1), rel=1e-3)

"""Batches whose examples are of one kind are told from random ones, where a loss sets them against each other."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe import Session, sampling
from unstuck.observe.collectors.alike_batches import between_over_within
from unstuck.record import Run, RunWriter
from unstuck.record.facts import AlikeBatches


@pytest.fixture(autouse=True)
def each_step_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "DENSE_SECONDS", math.inf)


def contrast(first: Tensor, second: Tensor) -> Tensor:
    scores = functional.normalize(first, dim=1) @ functional.normalize(second, dim=1).T / 0.25
    return functional.cross_entropy(scores, torch.arange(len(first)))


def seen(folder: Path, *, ordered: bool, contrastive: bool = True) -> tuple[AlikeBatches, ...]:
    torch.manual_seed(0)
    kinds = torch.arange(16 * 16) // 32
    kinds = kinds if ordered else kinds[torch.randperm(len(kinds))]
    data = torch.randn(8, 6)[kinds] + torch.randn(len(kinds), 6)
    model = nn.Linear(6, 5)
    with RunWriter(folder) as writer, Session(writer, budget=1.0):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for batch in data.split(16):
            optimizer.zero_grad()
            first, second = model(batch), model(batch + 0.1 * torch.randn_like(batch))
            (contrast(first, second) if contrastive else (first - second).square().mean()).backward()
            optimizer.step()
    with Run.open(folder) as run:
        return run.facts(AlikeBatches)


@pytest.mark.parametrize("ordered", [True, False])
def test_batches_in_order_differ(tmp_path: Path, ordered: bool) -> None:
    (fact,) = seen(tmp_path / "run", ordered=ordered)
    assert (fact.batches, fact.examples, fact.file) == (16, 16, __file__)
    assert (fact.ratio > 3.0) is ordered
    assert ordered or fact.ratio == pytest.approx(1.0, abs=0.5)


def test_other_losses_are_not_asked(tmp_path: Path) -> None:
    assert not seen(tmp_path / "run", ordered=True, contrastive=False)


def test_batches_that_do_not_vary_have_no_ratio() -> None:
    assert between_over_within(torch.ones(8, 3), torch.zeros(8, 3), 16) is None

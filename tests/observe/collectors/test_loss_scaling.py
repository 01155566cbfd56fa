"""A training states what its scaler does, and which layer overflows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from unstuck.observe import Observer
from unstuck.record import Run, RunWriter
from unstuck.record.facts import LossScaling


def train(folder: Path, *, size: float, steps: int = 12) -> LossScaling:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with RunWriter(folder) as writer, Observer(model, optimizer, writer):
        for _ in range(steps):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.float16):
                output = model(size * torch.randn(16, 4))
                loss = nn.functional.cross_entropy(output.float(), torch.randint(3, (16,)))
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    fact = Run.open(folder).fact(LossScaling)
    assert fact is not None
    return fact


def test_usual_values_pass(tmp_path: Path) -> None:
    fact = train(tmp_path, size=1.0)
    assert (fact.asked, fact.skipped, fact.scale, fact.layer, fact.overflowed) == (12, 0, 1024.0, "", ())
    assert fact.file == __file__


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_layer_that_overflows_is_named_although_no_update_is_made(tmp_path: Path) -> None:
    fact = train(tmp_path, size=1e6)
    assert (fact.asked, fact.skipped, fact.settled, fact.layer) == (12, 12, 0, "0")
    assert fact.scale < 1.0
    assert "0.weight" in fact.overflowed

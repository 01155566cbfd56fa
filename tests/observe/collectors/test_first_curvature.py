from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Observer
from unstuck.record import Run, RunWriter, facts


def observed(folder: Path, model: nn.Module, before: Callable[[Tensor], object] = lambda loss: None) -> list[float]:
    """The curvatures that were measured in a training of five steps."""
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with RunWriter(folder) as writer, Observer(model, optimizer, writer):
        for _ in range(5):
            optimizer.zero_grad()
            loss = F.mse_loss(model(torch.randn(8, 4)), torch.zeros(8, 1))
            before(loss)
            loss.backward()
            optimizer.step()
    with Run.open(folder) as run:
        assert not run.facts(facts.Unread)
        return [fact.along_gradient for fact in run.facts(facts.FirstCurvature)]


def test_it_is_measured_at_the_first_step(tmp_path: Path) -> None:
    assert len(observed(tmp_path, nn.Linear(4, 1))) == 1


def test_no_hook_of_the_programs_is_called_for_it(tmp_path: Path) -> None:
    model, calls = nn.Linear(4, 1), []
    model.weight.register_hook(lambda gradient: calls.append("weight"))
    assert observed(tmp_path / "weight", model) == []
    assert calls == ["weight"] * 5
    assert observed(tmp_path / "loss", nn.Linear(4, 1), lambda loss: loss.register_hook(lambda gradient: None)) == []

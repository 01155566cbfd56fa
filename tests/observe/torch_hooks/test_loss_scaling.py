"""Updates that a GradScaler makes and skips are counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from unstuck.observe.torch_hooks import patches
from unstuck.observe.torch_hooks.loss_scaling import scaled


class Anybody:
    thread = updates_of = None

    def backward_begins(self, backward: object) -> None: ...

    def failed(self, error: Exception) -> None:
        raise error


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    listener = Anybody()
    patches.listen(listener)
    yield
    patches.unlisten(listener)


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, losses: list[float]) -> None:
    scaler = GradScaler("cpu", init_scale=4.0)
    for factor in losses:
        optimizer.zero_grad()
        loss: Tensor = model(torch.ones(1, 2)).sum() * factor
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()


def test_skips_before_and_after_the_first_update_are_told_apart() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    infinite = float("inf")
    steps(model, optimizer, [infinite, infinite, 1.0, 1.0, infinite])
    known = scaled[optimizer]
    assert (known.asked, known.skipped, known.settled) == (5, 3, 1)
    assert [one() for one in known.overflowed] == list(model.parameters())
    assert known.place[0] == __file__

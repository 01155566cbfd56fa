"""Weights that a load has left out are named as the run names them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

import unstuck
from unstuck.observe.torch_hooks import patches
from unstuck.record import Run
from unstuck.record.facts import WeightsLeftOut


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4)), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


class Listening:
    thread = updates_of = None

    def backward_begins(self, backward: object) -> None: ...

    def failed(self, error: Exception) -> None:
        raise error


def test_a_part_of_the_model_is_named_by_the_whole(tmp_path: Path) -> None:
    net, listener = Net(), Listening()
    patches.listen(listener)  # as where a whole program is watched
    try:
        state = {f"module.{key}": value for key, value in Net().body.state_dict().items()}
        net.body.load_state_dict(state, strict=False)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with unstuck.watch(net, optimizer, out=tmp_path / "run"):
            for _ in range(3):
                optimizer.zero_grad()
                net(torch.randn(8, 3)).square().sum().backward()
                optimizer.step()
    finally:
        patches.unlisten(listener)
    with Run.open(tmp_path / "run") as run:
        (fact,) = run.facts(WeightsLeftOut)
    assert fact.parameters[0] == "body.0.weight"
    assert fact.keys[0] == "module.0.weight"
    assert len(fact.parameters) == 4

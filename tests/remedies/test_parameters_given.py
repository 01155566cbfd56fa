from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.parameters_given import ParametersGiven

GIVEN = Change(remedy="parameters-given")


class Listed(nn.Module):
    """Its layers stand in a plain list, where no module finds them."""

    def __init__(self, *, registered: bool) -> None:
        super().__init__()
        layers = [nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU()]
        self.layers = nn.ModuleList(layers) if registered else layers
        self.last = nn.Linear(32, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.last(x)


def train(*, registered: bool, steps: int = 60, another: bool = False) -> nn.Module:
    torch.manual_seed(0)
    inputs, classes = rings()
    model = Listed(registered=registered)
    held = nn.Linear(2, 2) if another else model
    optimizer = torch.optim.Adam(held.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        for layer in model.layers:
            layer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return nn.ModuleList([*model.layers, model.last])


def test_it_gives_what_the_repaired_script_gives() -> None:
    expected = weights(train(registered=True))
    assert torch.equal(changed_by(GIVEN, lambda: train(registered=False)), expected)


def test_an_optimizer_of_another_model_gets_this_one() -> None:
    expected = weights(train(registered=True))
    assert torch.equal(changed_by(GIVEN, lambda: train(registered=True, another=True)), expected)


def test_nothing_is_given_where_nothing_is_missing() -> None:
    with applied(GIVEN):
        train(registered=True, steps=2)
    assert not changed()


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = ParametersGiven()
    with recorded(tmp_path / "sick", lambda: train(registered=False)) as run:
        sick = Learning.of(run).remaining
        assert list(remedy.candidates(run, None)) == [GIVEN]
        assert remedy.words(GIVEN, run) == "with the parameters that are missing given to the optimizer"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(registered=False), GIVEN) as run:
        assert Learning.of(run).remaining < 0.5 * sick
        assert remedy.candidates(run, None) == ()

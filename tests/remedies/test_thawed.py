from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, mlp, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.thawed import Thawed

THAWED = Change(remedy="thawed")


def train(*, frozen: bool, filtered: bool = False, steps: int = 60) -> nn.Module:
    inputs, classes = rings()
    model = mlp()
    for parameter in model[0].parameters():
        parameter.requires_grad_(not frozen)
    held = [p for p in model.parameters() if p.requires_grad or not filtered]
    optimizer = torch.optim.Adam(held, lr=0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


def test_it_gives_what_the_repaired_script_gives() -> None:
    expected = weights(train(frozen=False))
    assert torch.equal(changed_by(THAWED, lambda: train(frozen=True)), expected)
    assert torch.equal(changed_by(THAWED, lambda: train(frozen=True, filtered=True)), expected)


def test_nothing_is_thawed_where_nothing_is_frozen() -> None:
    with applied(THAWED):
        train(frozen=False, steps=2)
    assert not changed()


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = Thawed()
    with recorded(tmp_path / "sick", lambda: train(frozen=True)) as run:
        sick = Learning.of(run).remaining
        assert list(remedy.candidates(run, None)) == [THAWED]
        assert remedy.words(THAWED, run) == "with the frozen parameters learning too"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(frozen=True), THAWED) as run:
        assert Learning.of(run).remaining < sick
    with recorded(tmp_path / "healthy", lambda: train(frozen=False)) as run:
        assert remedy.candidates(run, None) == ()

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.activations_added import ActivationsAdded

ADDED = Change(remedy="activations-added")


def blocks(*, active: bool, between: tuple[type[nn.Module], ...] = ()) -> nn.Module:
    def behind(width: int) -> list[nn.Module]:
        norms = [kind(width) if kind is nn.BatchNorm1d else kind() for kind in between]
        return [*norms, *([nn.ReLU()] if active else [])]

    return nn.Sequential(nn.Sequential(nn.Linear(2, 16), *behind(16)), nn.Linear(16, 16), *behind(16), nn.Linear(16, 3))


def train(model: nn.Module, *, steps: int = 10) -> nn.Module:
    inputs, classes = rings()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


def made(*, active: bool, between: tuple[type[nn.Module], ...] = (), steps: int = 10) -> nn.Module:
    torch.manual_seed(0)
    return train(blocks(active=active, between=between), steps=steps)


@pytest.mark.parametrize("between", [(), (nn.BatchNorm1d,), (nn.Identity, nn.Dropout)])
def test_it_gives_what_the_repaired_script_gives(between: tuple[type[nn.Module], ...]) -> None:
    torch.manual_seed(0)
    expected = weights(made(active=True, between=between))
    assert torch.equal(changed_by(ADDED, lambda: made(active=False, between=between)), expected)


def test_nothing_is_added_behind_an_activation() -> None:
    with applied(ADDED):
        made(active=True)
    assert not changed()


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = ActivationsAdded()
    with recorded(tmp_path / "sick", lambda: made(active=False, steps=100)) as run:
        sick = Learning.of(run).remaining
        assert list(remedy.candidates(run, None)) == [ADDED]
        assert remedy.words(ADDED, run) == "with ReLU between the layers"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: made(active=False, steps=100), ADDED) as run:
        assert Learning.of(run).remaining < 0.3 * sick
        assert remedy.candidates(run, None) == ()

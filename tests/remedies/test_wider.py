from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.wider import Wider

REMEDY = Wider()


def plain(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 3))


def normed(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(2, width), nn.BatchNorm1d(width), nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, 3)
    )


def train(make: Callable[[int], nn.Module], width: int, *, steps: int = 60) -> nn.Module:
    torch.manual_seed(0)
    inputs, classes = rings()
    model = make(width)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


def by(widths: str, factor: int) -> Change:
    return Change(remedy="wider", settings={"widths": widths, "factor": factor})


@pytest.mark.parametrize("make", [plain, normed])
def test_it_gives_what_the_script_gives_with_that_width(make: Callable[[int], nn.Module]) -> None:
    expected = weights(train(make, 28, steps=5))
    assert torch.equal(changed_by(by("7", 4), lambda: train(make, 7, steps=5)), expected)


def test_learning_is_restored_by_the_width_that_advice_names(tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", lambda: train(plain, 1, steps=150)) as run:
        sick = Learning.of(run).remaining
        assert list(REMEDY.candidates(run, None)) == [by("1", 16), by("1", 2)]
        assert REMEDY.words(by("1", 16), run) == "with hidden layers 16 times as wide"
        assert REMEDY.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(plain, 1, steps=150), by("1", 16)) as run:
        assert Learning.of(run).remaining < 0.2 < sick


def test_a_width_that_is_that_of_the_inputs_or_outputs_is_an_obstacle(tmp_path: Path) -> None:
    for width in (2, 3):
        with recorded(tmp_path / str(width), lambda width=width: train(plain, width, steps=3)) as run:
            assert REMEDY.candidates(run, None) == ()
            assert "cannot be told apart" in str(REMEDY.obstacle(run))


def test_attention_keeps_its_width() -> None:
    with applied(by("8", 2)):
        attention = nn.MultiheadAttention(8, 2)
        assert attention.out_proj.in_features == 8
        assert not changed()
        assert nn.Linear(in_features=8, out_features=3).in_features == 16
    assert changed()
    assert nn.Linear(8, 3).in_features == 8

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.remedies import Change
from unstuck.remedies.loss_replaced import LossReplaced

REMEDY = LossReplaced()
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def to(given: str, loss: str) -> Change:
    return Change(remedy="loss-replaced", settings={"given": given, "loss": loss})


def train(loss: Loss, *, outputs: int = 3, rate: float = 0.1) -> nn.Module:
    inputs, classes = blobs()
    model = mlp(outputs=outputs)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(40):
        optimizer.zero_grad()
        loss(model(inputs), classes).backward()
        optimizer.step()
    return model


def one_hot(classes: torch.Tensor) -> torch.Tensor:
    return F.one_hot(classes, 3).float()


def yes(classes: torch.Tensor) -> torch.Tensor:
    return (classes > 0).float()[:, None]


CASES: list[tuple[Loss, Change, Loss, int]] = [
    (F.nll_loss, to("nll_loss", "cross_entropy"), F.cross_entropy, 3),
    (
        lambda x, y: F.nll_loss(F.softmax(x, dim=1), y, reduction="sum"),
        to("nll_loss", "cross_entropy"),
        lambda x, y: F.cross_entropy(x, y, reduction="sum"),
        3,
    ),
    (
        lambda x, y: F.nll_loss(torch.log(torch.softmax(x, dim=1)), y),
        to("nll_loss", "cross_entropy"),
        F.cross_entropy,
        3,
    ),
    (
        lambda x, y: F.mse_loss(torch.softmax(x, dim=1), one_hot(y)),
        to("mse_loss", "cross_entropy"),
        lambda x, y: F.cross_entropy(x, one_hot(y)),
        3,
    ),
    (
        lambda x, y: F.binary_cross_entropy(torch.sigmoid(x), one_hot(y)),
        to("binary_cross_entropy", "cross_entropy"),
        lambda x, y: F.cross_entropy(x, one_hot(y)),
        3,
    ),
    (
        lambda x, y: F.cross_entropy(x, yes(y)),
        to("cross_entropy", "binary_cross_entropy_with_logits"),
        lambda x, y: F.binary_cross_entropy_with_logits(x, yes(y)),
        1,
    ),
]


@pytest.mark.parametrize(("sick", "change", "healthy", "outputs"), CASES)
def test_it_gives_what_the_repaired_script_gives(
    sick: Loss, change: Change, healthy: Loss, outputs: int, tmp_path: Path
) -> None:
    rate = 0.001
    expected = weights(train(healthy, outputs=outputs, rate=rate))
    assert torch.equal(changed_by(change, lambda: train(sick, outputs=outputs, rate=rate)), expected)
    with recorded(tmp_path, lambda: train(sick, outputs=outputs)) as run:
        assert list(REMEDY.candidates(run, None)) == [change]


def test_real_targets_get_a_squared_error(tmp_path: Path) -> None:
    def sick(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(x, 5.0 * one_hot(y) - 2.0)

    with recorded(tmp_path / "sick", lambda: train(sick)) as run:
        change = to("cross_entropy", "mse_loss")
        assert list(REMEDY.candidates(run, None)) == [change]
        assert REMEDY.words(change, run) == "with mse_loss in place of cross_entropy"
        assert REMEDY.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(sick), change) as run:
        assert Learning.of(run).outcome != "none"


def test_learning_is_restored(tmp_path: Path) -> None:
    def sick(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(x, yes(y))

    def shown(*changes: Change, name: str) -> Any:
        with recorded(tmp_path / name, lambda: train(sick, outputs=1), *changes) as run:
            return Learning.of(run).outcome

    assert shown(name="sick") != "good"
    assert shown(to("cross_entropy", "binary_cross_entropy_with_logits"), name="trial") == "good"


@pytest.mark.parametrize(
    "loss",
    [
        F.cross_entropy,
        lambda x, y: F.nll_loss(F.log_softmax(x, dim=1), y),
        lambda x, y: F.cross_entropy(x, one_hot(y)),
        lambda x, y: F.mse_loss(x, one_hot(y)),
    ],
)
def test_a_loss_that_fits_is_left_alone(loss: Loss, tmp_path: Path) -> None:
    with recorded(tmp_path, lambda: train(loss)) as run:
        assert list(REMEDY.candidates(run, None)) == []

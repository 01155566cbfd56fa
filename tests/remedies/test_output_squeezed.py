from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.output_squeezed import OutputSqueezed

SQUEEZED = Change(remedy="output-squeezed")
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def train(loss: Loss, *, squeeze: bool, steps: int = 60, outputs: int = 1) -> nn.Module:
    inputs, _ = blobs()
    targets = inputs[:, 0] + inputs[:, 1]
    model = mlp(outputs=outputs)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        output = model(inputs)
        loss(output.squeeze(-1) if squeeze else output, targets).backward()
        optimizer.step()
    return model


def by_hand(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return ((target - output) ** 2).mean()


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("loss", [F.mse_loss, nn.SmoothL1Loss(), by_hand])
def test_it_gives_what_the_repaired_script_gives(loss: Loss) -> None:
    expected = weights(train(loss, squeeze=True))
    assert torch.equal(changed_by(SQUEEZED, lambda: train(loss, squeeze=False)), expected)


def test_of_a_likelihood_the_variance_is_squeezed_too() -> None:
    mean, variance = (torch.ones(4, 1, requires_grad=True) for _ in range(2))
    with applied(SQUEEZED):
        loss = F.gaussian_nll_loss(mean, torch.zeros(4), variance)
    assert changed()
    assert torch.equal(loss, F.gaussian_nll_loss(mean[:, 0], torch.zeros(4), variance[:, 0]))


def test_pairwise_differences_of_what_is_learnt_stay() -> None:
    points = torch.ones(4, requires_grad=True)
    with applied(SQUEEZED):
        assert (points[:, None] - points).shape == (4, 4)
        assert (torch.ones(4, 1) - torch.ones(4)).shape == (4, 4)
    assert not changed()


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = OutputSqueezed()
    with recorded(tmp_path / "sick", lambda: train(F.mse_loss, squeeze=False)) as run:
        assert Learning.of(run).outcome == "none"
        assert list(remedy.candidates(run, None)) == [SQUEEZED]
        assert remedy.words(SQUEEZED, run) == "with the output in the shape of the target"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(F.mse_loss, squeeze=False), SQUEEZED) as run:
        assert Learning.of(run).outcome == "good"
        assert remedy.candidates(run, None) == ()

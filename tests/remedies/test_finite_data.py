from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.record import Finding
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.finite_data import FiniteData

REMEDY = FiniteData()
FILL = Change(remedy="finite-data")
NAMED = Finding(code="D102", cause="data-non-finite", severity="error", confidence=0.97, summary="it", advice="")


def train(*, holes: str = "", drop: bool = False) -> nn.Module:
    inputs, _ = blobs()
    targets = inputs.sum(1, keepdim=True)
    if holes == "inputs":
        inputs = inputs.clone()
        inputs[5, 0], inputs[7, 1] = float("nan"), float("inf")
    if holes == "targets":
        targets[5] = float("nan")
    keep = targets.flatten().isfinite() if drop else torch.ones(len(targets), dtype=torch.bool)
    model = mlp(outputs=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(40):
        optimizer.zero_grad()
        (F.mse_loss(model(inputs[keep]), targets[keep], reduction="sum") / 120).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("holes", ["inputs", "targets"])
def test_learning_is_restored(holes: str, tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", lambda: train(holes=holes)) as run:
        assert Learning.of(run).outcome == "none"
        assert REMEDY.candidates(run, NAMED) == (FILL,)
        assert REMEDY.words(FILL, run) == "with what is not finite in the data filled in"
        assert REMEDY.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(holes=holes), FILL) as run:
        assert Learning.of(run).outcome == "good"


def test_targets_that_are_not_finite_count_nothing() -> None:
    found = changed_by(FILL, lambda: train(holes="targets"))
    assert torch.allclose(found, weights(train(holes="targets", drop=True)), atol=1e-5)


def test_finite_data_stay_what_they_are(tmp_path: Path) -> None:
    with applied(FILL):
        assert torch.equal(weights(train()), weights(train()))
    assert not changed()
    with recorded(tmp_path, train) as run:
        assert REMEDY.candidates(run, None) == ()

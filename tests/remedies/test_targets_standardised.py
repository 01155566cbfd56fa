from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.record import signals
from unstuck.remedies import Change, applied
from unstuck.remedies.targets_standardised import TargetsStandardised

REMEDY = TargetsStandardised()
MEAN, DEVIATION = 4096.0, 1024.0


def standard(*, squared: bool = True) -> Change:
    settings = {"mean": MEAN, "deviation": DEVIATION, "outputs": 1, "squared": squared}
    return Change(remedy="targets-standardised", settings=settings)


@pytest.mark.parametrize("deviation", [1e-9, 1e6])
def test_the_unit_of_the_targets_may_be_tiny_or_huge(deviation: float) -> None:
    inputs, _ = blobs()
    plain = inputs[:, :1] - inputs[:, 1:]

    def train_on(targets: torch.Tensor) -> nn.Module:
        model = mlp(outputs=1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        for _ in range(40):
            optimizer.zero_grad()
            F.mse_loss(model(inputs), targets).backward()
            optimizer.step()
        return model

    settings = {"mean": 2 * deviation, "deviation": deviation, "outputs": 1, "squared": True}
    change = Change(remedy="targets-standardised", settings=settings)
    found = changed_by(change, lambda: train_on(deviation * (plain + 2.0)))
    assert torch.allclose(found, weights(train_on(plain)), atol=1e-3)


def train(*, scaled: bool, loss: str = "mse_loss", by_hand: bool = False) -> nn.Module:
    inputs, _ = blobs()
    targets = (inputs[:, :1] - inputs[:, 1:]) * (1.0 if scaled else DEVIATION) + (0.0 if scaled else MEAN)
    model = mlp(outputs=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(40):
        optimizer.zero_grad()
        output = model(inputs)
        value = (output - targets).square().mean() if by_hand else getattr(F, loss)(output, targets)
        value.backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("by_hand", [False, True])
def test_it_gives_what_the_script_gives_on_standardised_targets(by_hand: bool) -> None:
    expected = weights(train(scaled=True))
    assert torch.allclose(changed_by(standard(), lambda: train(scaled=False, by_hand=by_hand)), expected, atol=1e-3)
    expected = weights(train(scaled=True, loss="l1_loss"))
    found = changed_by(standard(squared=False), lambda: train(scaled=False, loss="l1_loss"))
    assert torch.allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("by_hand", [False, True])
def test_learning_is_restored_and_the_loss_is_told_in_the_old_unit(by_hand: bool, tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", lambda: train(scaled=False, by_hand=by_hand)) as run:
        assert Learning.of(run).outcome == "none"
        (change,) = REMEDY.candidates(run, None)
        assert change.number("mean") == pytest.approx(MEAN, rel=0.2)
        assert "with the targets standardised, (y - " in REMEDY.words(change, run)
        assert REMEDY.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(scaled=False, by_hand=by_hand), change) as run:
        assert Learning.of(run).outcome == "good"
        assert run.series(signals.LOSS).values[0] > 0.5 * DEVIATION**2


def test_predictions_are_in_the_old_unit() -> None:
    with applied(standard()):
        model = train(scaled=False)
        with torch.no_grad():
            assert 2_000.0 < model(torch.zeros(1, 2)).item() < 6_000.0


def test_targets_of_size_one_are_left_alone(tmp_path: Path) -> None:
    with recorded(tmp_path, lambda: train(scaled=True)) as run:
        assert REMEDY.candidates(run, None) == ()

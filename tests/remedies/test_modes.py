from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, recorded, rings, weights
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.modes import Modes

TRAINING = Change(remedy="modes", settings={"training": True})
EVALUATION = Change(remedy="modes", settings={"evaluation": True})


def train(*, mode: bool = True, evaluates: bool = False, switches: bool = True, p: float = 0.5) -> nn.Module:
    torch.manual_seed(0)
    inputs, classes = rings()
    model = nn.Sequential(nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(p), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(20):
        model.train(mode)
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
        if evaluates:
            model.train(not switches)
            with torch.no_grad():
                F.cross_entropy(model(inputs), classes)
    return model


def test_training_in_evaluation_mode_becomes_training() -> None:
    expected = train()
    with applied(TRAINING):
        model = train(mode=False)
        assert changed()
    assert torch.equal(weights(model), weights(expected))
    assert torch.equal(model[1].running_mean, expected[1].running_mean)  # type: ignore[index]
    assert not model[1].training  # type: ignore[index]


def test_evaluating_in_training_mode_becomes_evaluation() -> None:
    expected = weights(train(evaluates=True))
    assert torch.equal(changed_by(EVALUATION, lambda: train(evaluates=True, switches=False)), expected)


def test_functions_drop_nothing_in_evaluations() -> None:
    x = torch.ones(100)
    with applied(EVALUATION), torch.no_grad():
        assert torch.equal(F.dropout(x), x)
        assert changed()
    with applied(EVALUATION):
        assert not torch.equal(F.dropout(x), x)


def test_statistics_that_stand_still_move() -> None:
    norm = nn.BatchNorm1d(2, momentum=0.0)
    with applied(TRAINING):
        norm(torch.tensor([[1.0, 3.0], [3.0, 5.0]]))
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean, torch.tensor([0.2, 0.4]))
    assert norm.momentum == 0.0


def test_a_frozen_norm_stays_frozen() -> None:
    norm = nn.BatchNorm1d(2).requires_grad_(False).eval()
    with applied(TRAINING):
        norm(torch.ones(4, 2))
    assert not changed()


def test_it_is_tried_for_the_phase_that_is_wrong(tmp_path: Path) -> None:
    remedy = Modes()
    with recorded(tmp_path / "training", lambda: train(mode=False)) as run:
        assert list(remedy.candidates(run, None)) == [TRAINING]
        assert remedy.words(TRAINING, run) == "with dropout and batch norm in training mode for training"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "evaluation", lambda: train(evaluates=True, switches=False)) as run:
        assert list(remedy.candidates(run, None)) == [EVALUATION]
    with recorded(tmp_path / "healthy", lambda: train(evaluates=True)) as run:
        assert remedy.candidates(run, None) == ()

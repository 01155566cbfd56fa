from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.record import signals
from unstuck.remedies import Change
from unstuck.remedies.sign_flipped import SignFlipped

LOSS = Change(remedy="sign-flipped", settings={"of": "loss"})
GRADIENT = Change(remedy="sign-flipped", settings={"of": "gradient"})


def train(fault: str = "", *, steps: int = 30) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    settings = {"lr": 0.1, "weight_decay": 0.01, "maximize": fault == "maximize"}
    optimizer = None if fault == "by hand" else torch.optim.SGD(model.parameters(), **settings)  # type: ignore[arg-type]
    for _ in range(steps):
        model.zero_grad()
        loss = F.cross_entropy(model(inputs), classes)
        (-loss if fault == "negated" else loss).backward()
        if optimizer is None:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter += 0.1 * parameter.grad  # type: ignore[operator]
        else:
            optimizer.step()
    return model


@pytest.mark.parametrize(("fault", "change"), [("negated", LOSS), ("negated", GRADIENT), ("maximize", GRADIENT)])
def test_it_gives_what_the_repaired_script_gives(fault: str, change: Change) -> None:
    assert torch.equal(changed_by(change, lambda: train(fault)), weights(train()))


@pytest.mark.parametrize(("fault", "change"), [("negated", LOSS), ("maximize", GRADIENT), ("by hand", GRADIENT)])
def test_learning_is_restored(fault: str, change: Change, tmp_path: Path) -> None:
    remedy = SignFlipped()
    with recorded(tmp_path / "sick", lambda: train(fault, steps=60)) as run:
        assert Learning.of(run).outcome == "none"
        assert list(remedy.candidates(run, None)) == [change]
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(fault, steps=60), change) as run:
        assert Learning.of(run).outcome == "good"
        assert (run.series(signals.LOSS).values > 0).all()


def half_climbs(*, steps: int, repaired: bool = False) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    for _ in range(steps):
        model.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                climbs = parameter.dim() > 1 and not repaired
                parameter += (0.1 if climbs else -0.1) * parameter.grad  # type: ignore[operator]
    return model


def test_where_some_parameters_climb_those_alone_are_turned(tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", lambda: half_climbs(steps=60)) as run:
        (change,) = SignFlipped().candidates(run, None)
        assert change.settings["of"] == "climbing"
        assert SignFlipped().words(change, run) == "with the sign of those updates flipped that climb the loss"
    with recorded(tmp_path / "trial", lambda: half_climbs(steps=60), change) as run:
        assert Learning.of(run).outcome == "good"
    changed_by(change, lambda: half_climbs(steps=60))


def test_a_healthy_training_is_left_alone(tmp_path: Path) -> None:
    with recorded(tmp_path, train) as run:
        assert SignFlipped().candidates(run, None) == ()
        assert SignFlipped().words(LOSS, run) == "with the sign of the loss flipped"
        assert SignFlipped().words(GRADIENT, run) == "with the sign of the update flipped"

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.record import Finding, signals
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.gradients_kept import GradientsKept
from unstuck.testing.rules import record

KEPT = Change(remedy="gradients-kept")


def train(fault: str = "", *, scaled: bool = False) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    scaler = torch.amp.GradScaler("cpu", enabled=scaled, init_scale=1024.0)
    for _ in range(30):
        optimizer.zero_grad()
        scaler.scale(F.cross_entropy(model(inputs), classes)).backward()
        if fault == "clipped":
            nn.utils.clip_grad_norm_(model.parameters(), 1e-6)
        elif fault == "cleared":
            optimizer.zero_grad()
        elif fault == "overwritten":
            for parameter in model.parameters():
                parameter.grad = torch.ones_like(parameter)
        scaler.step(optimizer)
        scaler.update()
    return model


@pytest.mark.parametrize("fault", ["clipped", "cleared", "overwritten"])
def test_it_gives_what_the_repaired_script_gives(fault: str) -> None:
    assert torch.equal(changed_by(KEPT, lambda: train(fault)), weights(train()))


def test_gradients_that_are_clipped_while_scaled_come_back_unscaled() -> None:
    assert torch.equal(changed_by(KEPT, lambda: train("clipped", scaled=True)), weights(train(scaled=True)))


def test_a_norm_is_the_most_that_they_have() -> None:
    most = Change(remedy="gradients-kept", settings={"norm": 0.25})
    weight = torch.zeros(1, requires_grad=True)
    with applied(most):
        optimizer = torch.optim.SGD([weight], lr=1.0)
        (8.0 * weight).sum().backward()
        nn.utils.clip_grad_norm_([weight], 1e-6)
        optimizer.step()
    assert weight.item() == pytest.approx(-0.25, rel=1e-5)
    assert changed()


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = GradientsKept()
    with recorded(tmp_path / "sick", lambda: train("clipped")) as run:
        assert Learning.of(run).outcome == "none"
        usual, kept = remedy.candidates(run, None)
        assert kept == KEPT
        assert 0.1 < (usual.number("norm") or 0.0) < 10.0
        assert "clipped to a norm of" in remedy.words(usual, run)
        assert remedy.words(kept, run) == "with gradients as the backward pass gives them"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train("clipped"), usual) as run:
        assert Learning.of(run).outcome == "good"
    with recorded(tmp_path / "healthy", train) as run:
        assert remedy.candidates(run, None) == ()


def test_where_steps_are_too_short_by_clipping_the_norm_that_advice_names_is_tried(tmp_path: Path) -> None:
    low = Finding(code="O202", cause="lr-too-low", severity="error", confidence=0.9, summary="s", advice="a")
    norms = {"a": [0.006, 0.008] * 3, "b": [0.008, 0.006] * 3}
    with record(tmp_path / "clipped", tables={signals.GRADIENT_NORM: norms}) as run:
        assert [change.number("norm") for change in GradientsKept().candidates(run, low)] == [1.0]
    with record(tmp_path / "free", tables={signals.GRADIENT_NORM: norms | {"b": [1.0, 2.0] * 3}}) as run:
        assert GradientsKept().candidates(run, low) == ()

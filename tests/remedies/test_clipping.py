from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.record import Finding
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.clipping import Clipping

AT_ONE = Change(remedy="clipping", settings={"norm": 1.0})


def train(*, clip: bool = False, thrown: bool = True) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    for step in range(40):
        optimizer.zero_grad()
        batch = 3_000.0 * inputs.flip(0) if thrown and step % 8 == 3 else inputs
        F.cross_entropy(model(batch), classes).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model


def test_it_gives_what_the_script_gives_that_clips() -> None:
    assert torch.equal(changed_by(AT_ONE, train), weights(train(clip=True)))


def test_nothing_is_changed_where_gradients_are_short() -> None:
    with applied(Change(remedy="clipping", settings={"norm": 100.0})):
        train(thrown=False)
    assert not changed()


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = Clipping()
    with recorded(tmp_path / "sick", train) as run:
        sick = Learning.of(run).curve.end.value
        assert AT_ONE in remedy.candidates(run, None)
        assert remedy.words(AT_ONE, run) == "with gradients clipped to a norm of 1"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", train, AT_ONE) as run:
        assert Learning.of(run).curve.end.value < 0.2 < sick
        leak = Finding(code="D401", cause="split-leak", severity="error", confidence=0.9, summary="s", advice="a")
        assert remedy.candidates(run, leak) == ()

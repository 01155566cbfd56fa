from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.record import signals
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.gradients_cleared import GradientsCleared

CLEARED = Change(remedy="gradients-cleared")


def train(*, clear: bool, batches: int = 1, by_hand: bool = False) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = None if by_hand else torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    for _ in range(30):
        if clear:
            model.zero_grad()
        for part in range(batches):
            F.cross_entropy(model(inputs[part::batches]), classes[part::batches]).backward()
        if optimizer is not None:
            optimizer.step()
            continue
        for parameter in model.parameters():
            parameter.data -= 0.1 * parameter.grad  # type: ignore[operator]
    return model


def test_it_gives_what_the_repaired_script_gives() -> None:
    assert torch.equal(changed_by(CLEARED, lambda: train(clear=False)), weights(train(clear=True)))


def test_micro_batches_add_up() -> None:
    expected = weights(train(clear=True, batches=3))
    assert torch.equal(changed_by(CLEARED, lambda: train(clear=False, batches=3)), expected)


def test_an_update_by_hand_ends_a_step_too() -> None:
    expected = weights(train(clear=True, batches=2, by_hand=True))
    assert torch.equal(changed_by(CLEARED, lambda: train(clear=False, batches=2, by_hand=True)), expected)


def test_nothing_is_changed_where_the_script_clears_them() -> None:
    with applied(CLEARED):
        train(clear=True)
    assert not changed()


def test_it_is_tried_where_gradients_are_carried(tmp_path: Path) -> None:
    remedy = GradientsCleared()
    with recorded(tmp_path / "sick", lambda: train(clear=False)) as run:
        assert run.series(signals.GRADIENT_CARRIED).values.max() > 0.5
        assert list(remedy.candidates(run, None)) == [CLEARED]
    with recorded(tmp_path / "trial", lambda: train(clear=False), CLEARED) as run:
        assert run.series(signals.GRADIENT_CARRIED).values.max() == 0.0
        assert remedy.candidates(run, None) == ()
        assert remedy.obstacle(run) is None

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.remedies import Change
from unstuck.remedies.labels_mapped import LabelsMapped

REMEDY = LabelsMapped()
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def to(function: str, shift: float, divisor: float) -> Change:
    return Change(remedy="labels-mapped", settings={"function": function, "shift": shift, "divisor": divisor})


def train(loss: Loss) -> nn.Module:
    inputs, classes = blobs()
    model = mlp(outputs=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        loss(model(inputs)[:, 0], (classes > 0).float()).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize(
    ("sick", "healthy", "change", "words"),
    [
        (
            lambda x, y: F.binary_cross_entropy_with_logits(x, 2 * y - 1),
            F.binary_cross_entropy_with_logits,
            to("binary_cross_entropy_with_logits", -1.0, 2.0),
            "with the labels as (y + 1) / 2",
        ),
        (
            lambda x, y: F.binary_cross_entropy_with_logits(x, 255 * y),
            F.binary_cross_entropy_with_logits,
            to("binary_cross_entropy_with_logits", 0.0, 255.0),
            "with the labels as y / 255",
        ),
        (
            F.soft_margin_loss,
            lambda x, y: F.soft_margin_loss(x, 2 * y - 1),
            to("soft_margin_loss", 0.5, 0.5),
            "with the labels as (y - 0.5) / 0.5",
        ),
    ],
)
def test_it_gives_what_the_repaired_script_gives(
    sick: Loss, healthy: Loss, change: Change, words: str, tmp_path: Path
) -> None:
    assert torch.equal(changed_by(change, lambda: train(sick)), weights(train(healthy)))
    with recorded(tmp_path, lambda: train(sick)) as run:
        assert list(REMEDY.candidates(run, None)) == [change]
        assert REMEDY.words(change, run) == words
        assert REMEDY.obstacle(run) is None


def test_class_ids_that_begin_at_one_begin_at_zero(tmp_path: Path) -> None:
    inputs, classes = blobs()

    def run_once() -> nn.Module:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), classes + 1).backward()
            optimizer.step()
        return model

    change = to("cross_entropy", 1.0, 1.0)
    with pytest.raises(IndexError):
        run_once()
    changed_by(change, run_once)

    def crashing() -> None:
        with pytest.raises(IndexError):
            run_once()

    with recorded(tmp_path, crashing) as run:
        assert REMEDY.words(change, run) == "with the labels as y - 1"


def test_labels_in_range_are_left_alone(tmp_path: Path) -> None:
    with recorded(tmp_path, lambda: train(F.binary_cross_entropy_with_logits)) as run:
        assert list(REMEDY.candidates(run, None)) == []

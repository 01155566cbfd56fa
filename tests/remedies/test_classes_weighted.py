from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, mlp, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.remedies import Change
from unstuck.remedies.classes_weighted import ClassesWeighted

REMEDY = ClassesWeighted()


def rare() -> tuple[torch.Tensor, torch.Tensor]:
    inputs, classes = rings(600)
    kept = (classes == 2) | (torch.arange(600) < 60)
    return inputs[kept], classes[kept]


def train(*, weight: torch.Tensor | None = None, binary: bool = False, steps: int = 60) -> nn.Module:
    inputs, classes = rare()
    model = mlp(outputs=1 if binary else 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    for _ in range(steps):
        optimizer.zero_grad()
        output = model(inputs)
        if binary:
            target = (classes == 0).float()
            loss = F.binary_cross_entropy_with_logits(output[:, 0], target, pos_weight=weight)
        else:
            loss = F.cross_entropy(output, classes, weight=weight)
        loss.backward()
        optimizer.step()
    return model


def test_it_gives_what_the_script_gives_with_weights() -> None:
    classes = rare()[1]
    counts = torch.bincount(classes)
    change = Change(remedy="classes-weighted", settings={"counts": ",".join(str(n) for n in counts.tolist())})
    expected = weights(train(weight=len(classes) / (3 * counts)))
    assert torch.allclose(changed_by(change, train), expected, atol=1e-6)
    zeros, ones = float((classes != 0).sum()), float((classes == 0).sum())
    change = Change(remedy="classes-weighted", settings={"counts": f"{zeros},{ones}"})
    expected = weights(train(weight=torch.tensor(zeros / ones), binary=True))
    assert torch.allclose(changed_by(change, lambda: train(binary=True)), expected, atol=1e-6)


def test_rare_classes_are_learnt(tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", train) as run:
        (change,) = REMEDY.candidates(run, None)
        assert REMEDY.words(change, run) == "with the classes weighted by their rarity"
        assert REMEDY.obstacle(run) is None
        sick = Learning.of(run).answers.evidence
    with recorded(tmp_path / "trial", train, change) as run:
        found = Learning.of(run).answers.evidence
        assert REMEDY.candidates(run, None) == ()
    balanced = [next((i.value for i in one if i.what == "balanced accuracy"), 0.0) for one in (sick, found)]
    assert balanced[1] > balanced[0]


def test_balanced_classes_are_left_alone(tmp_path: Path) -> None:
    inputs, classes = rings()
    model = mlp()

    def balanced() -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(10):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), classes).backward()
            optimizer.step()

    with recorded(tmp_path, balanced) as run:
        assert REMEDY.candidates(run, None) == ()

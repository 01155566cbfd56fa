from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.record import Finding
from unstuck.remedies import Change
from unstuck.remedies.default_constants import DefaultConstants

EPSILON = Change(remedy="default-constants", settings={"epsilon": 1e-8})
BETAS = Change(remedy="default-constants", settings={"first_beta": 0.9, "second_beta": 0.999})


def train(method: type[torch.optim.Optimizer] = torch.optim.Adam, **constants: Any) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = method(model.parameters(), lr=0.03, **constants)  # type: ignore[call-arg]
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


def test_it_gives_what_the_script_gives_with_the_defaults() -> None:
    expected = weights(train())
    assert torch.equal(changed_by(EPSILON, lambda: train(eps=10.0)), expected)
    assert torch.equal(changed_by(BETAS, lambda: train(betas=(0.999, 0.9))), expected)
    expected = weights(train(torch.optim.RMSprop))
    assert torch.equal(changed_by(EPSILON, lambda: train(torch.optim.RMSprop, eps=10.0)), expected)


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = DefaultConstants()
    with recorded(tmp_path / "sick", lambda: train(eps=100.0)) as run:
        assert Learning.of(run).outcome == "none"
        assert list(remedy.candidates(run, None)) == [EPSILON]
        assert remedy.words(EPSILON, run) == "with eps=1e-08"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(eps=100.0), EPSILON) as run:
        assert Learning.of(run).outcome == "good"


def test_what_differs_is_tried_alone_and_together(tmp_path: Path) -> None:
    remedy = DefaultConstants()
    with recorded(tmp_path / "both", lambda: train(eps=0.1, betas=(0.5, 0.9))) as run:
        both = remedy.candidates(run, None)[2]
        assert list(remedy.candidates(run, None)) == [EPSILON, BETAS, both]
        assert remedy.words(both, run) == "with eps=1e-08 and betas=(0.9, 0.999)"
        narrow = Finding(
            code="N201", cause="precision-unsuited", severity="error", confidence=0.9, summary="s", advice="a"
        )
        assert [change.number("epsilon") for change in remedy.candidates(run, narrow)] == [1e-4]
    with recorded(tmp_path / "plain", train) as run:
        assert list(remedy.candidates(run, None)) == []
    with recorded(tmp_path / "sgd", lambda: train(torch.optim.SGD)) as run:
        assert remedy.candidates(run, None) == ()

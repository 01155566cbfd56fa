from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.weight_decay import WeightDecay

NONE = Change(remedy="weight-decay", settings={"weight_decay": 0.0})


def train(decay: float, *, method: type[torch.optim.Optimizer] = torch.optim.SGD) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = method(model.parameters(), lr=0.1, weight_decay=decay)  # type: ignore[call-arg]
    for _ in range(40):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("method", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_it_gives_what_the_script_gives_without_decay(method: type[torch.optim.Optimizer]) -> None:
    assert torch.equal(changed_by(NONE, lambda: train(1.0, method=method)), weights(train(0.0, method=method)))


def test_learning_is_restored_by_the_decay_that_advice_names(tmp_path: Path) -> None:
    remedy = WeightDecay()
    with recorded(tmp_path / "sick", lambda: train(5.0)) as sick:
        assert Learning.of(sick).outcome == "none"
        weaker, none = remedy.candidates(sick, None)
        assert none == NONE
        assert 0.0 < (weaker.number("weight_decay") or 0.0) < 0.5
        assert remedy.words(weaker, sick).startswith("with a weight decay of 0.0")
        assert remedy.words(none, sick) == "without weight decay"
    with recorded(tmp_path / "trial", lambda: train(5.0), weaker) as trial:
        assert Learning.of(trial).outcome == "good"


def test_it_has_no_effect_where_nothing_decays(tmp_path: Path) -> None:
    with applied(NONE):
        train(0.0)
    assert not changed()
    with recorded(tmp_path, lambda: train(0.0)) as run:
        assert WeightDecay().candidates(run, None) == ()

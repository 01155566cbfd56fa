from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.dropout import Dropout

NONE = Change(remedy="dropout", settings={"probability": 0.0})
SOME = Change(remedy="dropout", settings={"probability": 0.2})


class Net(nn.Module):
    def __init__(self, p: float) -> None:
        super().__init__()
        self.first, self.last, self.drop, self.p = nn.Linear(2, 32), nn.Linear(32, 3), nn.Dropout(p), p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(F.dropout(self.drop(torch.relu(self.first(x))), self.p, training=self.training))


def train(p: float, *, steps: int = 20) -> nn.Module:
    torch.manual_seed(0)
    inputs, classes = rings()
    model = Net(p)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


def test_it_gives_what_the_script_gives_with_that_dropout() -> None:
    assert torch.equal(changed_by(NONE, lambda: train(0.8)), weights(train(0.0)))
    assert torch.equal(changed_by(SOME, lambda: train(0.8)), weights(train(0.2)))


def test_recurrent_layers_and_attention_drop_less_too() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 8)
    recurrent = nn.GRU(8, 8, num_layers=2, dropout=0.9, batch_first=True)
    attention = nn.MultiheadAttention(8, 2, dropout=0.9, batch_first=True)
    with applied(NONE):
        for _ in range(2):
            layers = (recurrent(x)[0], attention(x, x, x)[0], F.scaled_dot_product_attention(x, x, x, dropout_p=0.9))
        assert changed()
    assert (recurrent.dropout, attention.dropout) == (0.9, 0.9)
    recurrent.eval()
    attention.eval()
    expected = (recurrent(x)[0], attention(x, x, x)[0], F.scaled_dot_product_attention(x, x, x))
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(layers, expected, strict=True))


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = Dropout()
    with recorded(tmp_path / "sick", lambda: train(0.95, steps=150)) as run:
        sick = Learning.of(run).remaining
        assert list(remedy.candidates(run, None)) == [SOME, NONE]
        assert remedy.words(SOME, run) == "with dropout at p=0.2"
        assert remedy.words(NONE, run) == "without dropout"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(0.95, steps=150), NONE) as run:
        assert Learning.of(run).remaining < 0.3 < 0.7 < sick


def test_a_model_without_dropout_is_left_alone(tmp_path: Path) -> None:
    with recorded(tmp_path, lambda: train(0.0)) as run:
        assert Dropout().candidates(run, None) == ()

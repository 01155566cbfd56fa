from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, recorded, rings, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.hidden_activations import HiddenActivations

RELU = Change(remedy="hidden-activations")


class Own(nn.Module):
    """Calls its activations as functions, on two lines."""

    def __init__(self, activation: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 16), nn.Linear(16, 16), nn.Linear(16, 1)
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.activation(self.a(x))
        x = self.activation(self.b(x))
        return torch.sigmoid(self.c(x))


def deep(activation: type[nn.Module], layers: int = 8) -> nn.Module:
    hidden = [part for _ in range(layers) for part in (nn.Linear(16, 16), activation())]
    return nn.Sequential(nn.Linear(2, 16), activation(), *hidden, nn.Linear(16, 3))


def train(make: Callable[[], nn.Module], *, binary: bool = False, steps: int = 100) -> nn.Module:
    torch.manual_seed(0)
    inputs, classes = rings()
    model = make()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        output = model(inputs)
        loss = (
            F.binary_cross_entropy(output[:, 0], (classes > 0).float()) if binary else F.cross_entropy(output, classes)
        )
        loss.backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("activation", [nn.Sigmoid, nn.Tanh, lambda: nn.Softmax(dim=1)])
def test_it_gives_what_the_script_gives_with_relu(activation: type[nn.Module]) -> None:
    expected = weights(train(lambda: deep(nn.ReLU, 2), steps=10))
    assert torch.equal(changed_by(RELU, lambda: train(lambda: deep(activation, 2), steps=10)), expected)


@pytest.mark.parametrize("activation", [torch.sigmoid, F.tanh])
def test_the_activation_of_the_outputs_stays(activation: Callable[[torch.Tensor], torch.Tensor]) -> None:
    expected = weights(train(lambda: Own(torch.relu), binary=True, steps=10))
    assert torch.equal(changed_by(RELU, lambda: train(lambda: Own(activation), binary=True, steps=10)), expected)


def test_the_softmax_of_an_attention_stays() -> None:
    class Attention(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x @ x.transpose(1, 2)).softmax(-1) @ x

    x = torch.randn(2, 4, 3)
    expected = Attention()(x)
    with applied(RELU):
        assert torch.equal(Attention()(x), expected)
    assert not changed()


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = HiddenActivations()
    with recorded(tmp_path / "sick", lambda: train(lambda: deep(nn.Sigmoid))) as run:
        assert Learning.of(run).outcome == "none"
        assert list(remedy.candidates(run, None)) == [RELU]
        assert remedy.words(RELU, run) == "with ReLU in the hidden layers"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(lambda: deep(nn.Sigmoid)), RELU) as run:
        assert Learning.of(run).outcome != "none"
        assert remedy.candidates(run, None) == ()

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, recorded, weights
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.output_activation import OutputActivation

REMEDY = OutputActivation()
AT_LOSS = Change(remedy="output-activation", settings={"at": "loss"})
AT_MODEL = Change(remedy="output-activation", settings={"at": "model"})
SIGMOID = Change(remedy="output-activation", settings={"at": "model", "becomes": "sigmoid"})

Activation = Callable[[torch.Tensor], torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Net(nn.Module):
    def __init__(self, outputs: int, last: Activation) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, 16), nn.Linear(16, outputs), last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.second(torch.tanh(self.first(x))))


def train(outputs: int, last: Activation, loss: Loss, *, rate: float = 0.3, steps: int = 60) -> nn.Module:
    torch.manual_seed(0)
    inputs, classes = blobs()
    targets = (
        classes if outputs == 3 else (4.0 * inputs[:, :1] if loss is not binary else (classes > 0).float()[:, None])
    )
    model = Net(outputs, last)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        optimizer.step()
    return model


def binary(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(output, target)


def squeezed(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.mse_loss(output.squeeze(1), target.squeeze(1))


def by_hand(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (output - target).square().mean()


@pytest.mark.parametrize(
    ("outputs", "last", "loss", "change"),
    [
        (3, lambda x: F.softmax(x, dim=1), F.cross_entropy, AT_LOSS),
        (3, nn.Softmax(dim=1), F.cross_entropy, AT_LOSS),
        (3, torch.sigmoid, nn.CrossEntropyLoss(), AT_LOSS),
        (1, nn.Sigmoid(), binary, AT_LOSS),
        (1, torch.sigmoid, F.mse_loss, AT_MODEL),
        (1, torch.relu, squeezed, AT_MODEL),
        (1, nn.Tanh(), F.l1_loss, AT_MODEL),
    ],
)
def test_it_gives_what_the_repaired_script_gives(outputs: int, last: Activation, loss: Loss, change: Change) -> None:
    expected = weights(train(outputs, lambda x: x, loss, rate=0.05))
    assert torch.equal(changed_by(change, lambda: train(outputs, last, loss, rate=0.05)), expected)


def test_the_model_keeps_its_predictions_where_the_loss_alone_is_changed() -> None:
    with applied(AT_LOSS):
        model = train(3, nn.Softmax(dim=1), F.cross_entropy)
        assert torch.allclose(model(torch.ones(5, 2)).sum(1), torch.ones(5))
    with applied(AT_MODEL):
        model = train(1, torch.sigmoid, F.mse_loss, rate=0.05)
        with torch.no_grad():
            assert model(torch.tensor([[2.0, 0.0]])).item() > 2.0


def test_a_softmax_over_one_unit_becomes_a_sigmoid(tmp_path: Path) -> None:
    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy(output, (target > 0).float())

    with recorded(tmp_path, lambda: train(1, nn.Softmax(dim=1), loss)) as run:
        assert list(REMEDY.candidates(run, None)) == [SIGMOID]
        assert REMEDY.words(SIGMOID, run) == "with a sigmoid in place of the softmax over one unit"
    expected = weights(train(1, torch.sigmoid, loss))
    assert torch.equal(changed_by(SIGMOID, lambda: train(1, nn.Softmax(dim=1), loss)), expected)


def test_before_a_loss_written_out_it_is_bypassed_from_the_second_step_on(tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", lambda: train(1, torch.sigmoid, by_hand, rate=0.05)) as run:
        assert list(REMEDY.candidates(run, None)) == [AT_MODEL]
        sick = Learning.of(run).remaining
    with recorded(tmp_path / "trial", lambda: train(1, torch.sigmoid, by_hand, rate=0.05), AT_MODEL) as run:
        assert changed()
        assert Learning.of(run).remaining < 0.3 * sick


def test_learning_is_restored(tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", lambda: train(3, nn.Softmax(dim=1), F.cross_entropy, rate=0.02)) as run:
        assert Learning.of(run).remaining > 0.7
        assert list(REMEDY.candidates(run, None)) == [AT_LOSS]
        assert REMEDY.words(AT_LOSS, run) == "with the last softmax bypassed"
        assert REMEDY.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(3, nn.Softmax(dim=1), F.cross_entropy, rate=0.02), AT_LOSS) as run:
        assert Learning.of(run).remaining < 0.6
        assert REMEDY.candidates(run, None) == ()


def test_a_hidden_activation_is_none_of_the_output() -> None:
    with applied(AT_MODEL):
        train(1, lambda x: x, by_hand, rate=0.05, steps=3)
    assert not changed()

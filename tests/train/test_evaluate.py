import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from unstuck.train import evaluate


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_is_in_evaluation_mode_and_puts_the_mode_back(training: bool) -> None:
    model = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(2)).train(training)
    statistics = model[1].running_mean.clone()
    inputs = torch.ones(50, 2)
    means = evaluate(model, mse_loss, [(inputs, inputs / (1 + 1e-5) ** 0.5)])
    assert means.loss == pytest.approx(0.0, abs=1e-12)
    assert model.training is training
    assert torch.equal(model[1].running_mean, statistics)


def test_the_mode_is_put_back_after_an_error() -> None:
    model = nn.Linear(2, 2).train()
    with pytest.raises(RuntimeError):
        evaluate(model, cross_entropy, [(torch.ones(1, 3), torch.zeros(1, dtype=torch.int64))])
    assert model.training


def test_no_gradient_is_left() -> None:
    model = nn.Linear(2, 3)
    means = evaluate(model, cross_entropy, [(torch.ones(5, 2), torch.zeros(5, dtype=torch.int64))] * 2)
    assert means.examples == 10
    assert model.weight.grad is None

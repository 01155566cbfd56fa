"""Some members as one."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from unstuck import optim
from unstuck.stacked import CannotStackError, Stack


def stack(models, loss=cross_entropy):
    return Stack(models, loss, [optim.SGD(model.parameters(), lr=0.1) for model in models])


class Counts(nn.Module):
    """A buffer that is replaced, not changed in place."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("mean", torch.zeros(2))

    def forward(self, inputs):
        outputs = self.layer(inputs)
        self.mean = 0.5 * self.mean + 0.5 * outputs.detach().mean(0)
        return outputs


def test_buffers_that_a_model_replaces_are_kept_for_each_member():
    torch.manual_seed(0)
    models = [Counts() for _ in range(2)]
    expected = [0.5 * model.layer(torch.ones(4, 3)).mean(0).detach() for model in models]
    together = stack(models)
    together.step(torch.ones(4, 3), torch.tensor([0, 1, 0, 1]))
    together.hand_back()
    for model, mean in zip(models, expected, strict=True):
        torch.testing.assert_close(model.mean, mean)


def test_an_operation_without_a_rule_of_vmap_is_named():
    class Slow(nn.Module):
        def forward(self, inputs):
            return torch.nn.functional.multilabel_margin_loss(inputs, torch.zeros(4, 3, dtype=torch.int64)) + inputs

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CannotStackError, match="aten::multilabel_margin_loss"):
            stack([nn.Sequential(nn.Linear(3, 3), Slow()) for _ in range(2)], mse_loss).step(
                torch.ones(4, 3), torch.ones(4, 3)
            )


def test_optimizers_of_other_parameters_are_refused():
    models = [nn.Linear(3, 2) for _ in range(2)]
    strangers = [optim.SGD(nn.Linear(3, 2).parameters(), lr=0.1) for _ in models]
    with pytest.raises(CannotStackError, match="parameters that its model does not have"):
        Stack(models, cross_entropy, strangers)
    uneven = [optim.SGD([models[0].weight], lr=0.1), optim.SGD([models[1].bias], lr=0.1)]
    with pytest.raises(CannotStackError, match="parameters of their groups"):
        Stack(models, cross_entropy, uneven)


def test_groups_with_rates_of_their_own():
    torch.manual_seed(0)
    models = [nn.Linear(3, 2) for _ in range(2)]
    before = [(model.weight.detach().clone(), model.bias.detach().clone()) for model in models]
    optimizers = [optim.SGD([{"params": [m.weight], "lr": 0.0}, {"params": [m.bias], "lr": 0.1}]) for m in models]
    together = Stack(models, cross_entropy, optimizers)
    together.step(torch.ones(4, 3), torch.tensor([0, 1, 0, 0]))
    together.hand_back()
    for model, (weight, bias) in zip(models, before, strict=True):
        assert torch.equal(model.weight, weight)
        assert not torch.equal(model.bias, bias)

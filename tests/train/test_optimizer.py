import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.train import OPTIMIZERS
from unstuck.train.optimizer import CONSTANTS, build, constants_of


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_lowers_a_loss(name: str) -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = build(name, [weight], {"lr": 0.1})
    before = weight.detach().square().sum()
    for _ in range(20):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
    assert weight.detach().square().sum() < before


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_constants_arrive(name: str) -> None:
    given = {"lr": 0.5, "weight_decay": 0.25}
    group = build(name, [nn.Parameter(torch.zeros(1))], given).param_groups[0]
    assert {key: group[key] for key in given} == given
    assert set(constants_of(name)) <= set(CONSTANTS)


def test_a_combination_that_the_method_refuses() -> None:
    with pytest.raises(ArgumentError, match="nesterov: received True"):
        build("sgd", [nn.Parameter(torch.zeros(1))], {"lr": 0.1, "nesterov": True})

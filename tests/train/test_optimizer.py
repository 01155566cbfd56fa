import inspect

import pytest
import torch
from torch import nn

from unstuck import optim
from unstuck.errors import ArgumentError
from unstuck.train import OPTIMIZERS
from unstuck.train.optimizer import CONSTANTS, build, constants_of, takes_a_closure
from unstuck.train.sections import OptimizerSection

BY_GRADIENTS = [name for name in OPTIMIZERS if not takes_a_closure(name)]


def test_every_optimizer_of_the_library_has_a_name() -> None:
    known = {name for name in optim.__all__ if isinstance(getattr(optim, name), type)}
    known = {name for name in known if issubclass(getattr(optim, name), torch.optim.Optimizer)}
    assert {kind.__name__ for kind in OPTIMIZERS.values()} == known - {"ObservedOptimizer"}


def test_every_constant_of_a_method_can_be_set() -> None:
    of_torch = {"foreach", "fused", "capturable", "differentiable", "maximize", "engine", "observe", "params"}
    for name, method in OPTIMIZERS.items():
        assert set(inspect.signature(method).parameters) - of_torch == set(constants_of(name)), name
        for constant in constants_of(name):
            assert constant in OptimizerSection.model_fields


@pytest.mark.filterwarnings("ignore:LookAheadNesterov.step")
@pytest.mark.parametrize("name", BY_GRADIENTS)
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


@pytest.mark.parametrize("name", BY_GRADIENTS)
def test_constants_arrive(name: str) -> None:
    given = {"lr": 0.5, "weight_decay": 0.25}
    group = build(name, [nn.Parameter(torch.zeros(1))], given).param_groups[0]
    assert {key: group[key] for key in given} == given
    assert set(constants_of(name)) <= set(CONSTANTS)


def test_a_combination_that_the_method_refuses() -> None:
    with pytest.raises(ArgumentError, match="nesterov: received True"):
        build("sgd", [nn.Parameter(torch.zeros(1))], {"lr": 0.1, "nesterov": True})


def test_second_order_methods_ask_for_the_loss() -> None:
    assert set(OPTIMIZERS) - set(BY_GRADIENTS) == {"newton", "hessian-free"}
    group = build("newton", [nn.Parameter(torch.zeros(1))], {"lr": 0.5, "damping": 0.25}).param_groups[0]
    assert (group["lr"], group["damping"]) == (0.5, 0.25)
    section = OptimizerSection(name="hessian-free", rounds=7, progress=1e-3, decay=1.0)
    assert section.constants == {"rounds": 7, "progress": 1e-3, "decay": 1.0}

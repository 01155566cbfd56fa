"""A training's parts as facts."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from unstuck.errors import ArgumentError
from unstuck.observe.user_code.model_roots import Roots
from unstuck.observe.user_code.model_structure import (
    check_training,
    describe_environment,
    describe_model,
    describe_optimizer,
    leaf_paths,
    named_parameters,
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.norm = nn.Embedding(9, 4), nn.LayerNorm(4)
        self.layer, self.scale = nn.Linear(4, 2), nn.Parameter(torch.ones(3))


def roots_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> Roots:
    roots = Roots(optimizer)
    roots.add(model)
    return roots


def test_leaves_have_their_first_path() -> None:
    shared = nn.Linear(2, 2)
    assert leaf_paths(nn.Sequential(nn.Sequential(shared), shared)) == {shared: "0.0"}
    assert leaf_paths(shared) == {shared: "Linear"}


def test_parameters_of_modules_come_first_and_others_have_the_names_of_variables() -> None:
    model, temperature = Net(), nn.Parameter(torch.ones(1))
    optimizer = SGD(model.parameters(), lr=0.1)
    optimizer.add_param_group({"params": [temperature, nn.Parameter(torch.ones(1))]})
    named = named_parameters(roots_of(model, optimizer), optimizer)
    assert list(named) == [*(name for name, _ in model.named_parameters()), "temperature", "group1.1"]
    assert named["temperature"] is temperature
    assert len({id(parameter) for parameter in named.values()}) == len(named)


def test_the_name_of_a_variable_does_not_hide_that_of_a_parameter() -> None:
    model, scale = Net(), nn.Parameter(torch.ones(1))
    optimizer = SGD([*model.parameters(), scale], lr=0.1)
    named = named_parameters(roots_of(model, optimizer), optimizer)
    assert named["scale"] is model.scale
    assert any(parameter is scale for parameter in named.values())


def test_a_model_is_described_by_its_layers_and_parameters() -> None:
    model = Net()
    model.layer.weight.requires_grad_(False)
    optimizer = SGD([model.layer.bias, model.layer.weight], lr=0.1)
    roots = roots_of(model, optimizer)
    fact = describe_model(roots, optimizer, named_parameters(roots, optimizer))
    by_name = {parameter.name: parameter for parameter in fact.parameters}
    roles = {name: parameter.role for name, parameter in by_name.items()}
    assert roles == {
        "scale": "other",
        "words.weight": "embedding",
        "norm.weight": "norm",
        "norm.bias": "norm",
        "layer.weight": "weight",
        "layer.bias": "bias",
    }
    assert by_name["layer.weight"].shape == (2, 4)
    assert [by_name[name].trainable for name in ("layer.weight", "layer.bias")] == [False, True]
    assert [by_name[name].optimized for name in ("scale", "layer.bias")] == [False, True]
    assert fact.type == "Net"
    assert [layer.path for layer in fact.layers] == ["words", "norm", "layer"]


def test_a_module_that_cannot_be_printed_is_described_by_its_class() -> None:
    class Shy(nn.Linear):
        def __repr__(self) -> str:
            raise RuntimeError("no")

    model = nn.Sequential(Shy(2, 2))
    optimizer = SGD(model.parameters(), lr=0.1)
    roots = roots_of(model, optimizer)
    fact = describe_model(roots, optimizer, named_parameters(roots, optimizer))
    assert [layer.description for layer in fact.layers] == ["Shy(...)"]


def test_an_optimizer_is_described_by_its_groups() -> None:
    first, second = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    groups = [{"params": [first], "lr": 0.5}, {"params": [second], "weight_decay": 0.0}]
    optimizer = AdamW(groups, lr=torch.tensor(0.1), betas=(0.8, 0.9))
    fact = describe_optimizer(optimizer, ("train.py", 7))
    assert (fact.type, fact.file, fact.line) == ("AdamW", "train.py", 7)
    one, other = fact.groups
    assert (one.learning_rate, other.learning_rate) == (0.5, pytest.approx(0.1))
    assert (one.weight_decay, other.weight_decay) == (0.01, 0.0)
    assert (one.betas, one.epsilon, one.momentum, one.parameters) == ((0.8, 0.9), 1e-8, None, 1)
    (only,) = describe_optimizer(SGD([first], lr=0.1, momentum=0.9), (None, None)).groups
    assert (only.momentum, only.betas) == (0.9, None)


def test_the_environment_names_device_and_releases() -> None:
    fact = describe_environment([torch.ones(1)])
    assert (fact.device, fact.torch) == ("cpu", torch.__version__)
    assert fact.python.count(".") == 2
    assert describe_environment([]).device == "cpu"
    assert describe_environment([torch.ones(1, device="meta")]).device == "meta"


def test_what_is_no_model_or_no_optimizer_is_refused() -> None:
    model = nn.Linear(2, 1)
    optimizer = SGD(model.parameters(), lr=0.1)
    check_training(model, optimizer)
    with pytest.raises(ArgumentError, match=r"^model=.*torch.nn.Module is accepted"):
        check_training(model.forward, optimizer)
    with pytest.raises(ArgumentError, match=r"^optimizer=.*torch.optim.Optimizer is accepted"):
        check_training(model, model.parameters())


def test_a_module_of_very_many_parameters_is_described_by_their_number() -> None:
    model = nn.ParameterList(torch.ones(1) for _ in range(300))
    optimizer = SGD(model.parameters(), lr=0.1)
    roots = Roots(optimizer)
    roots.add(model)
    (layer,) = describe_model(roots, optimizer, named_parameters(roots, optimizer)).layers
    assert layer.description == "ParameterList(300 parameters)"


def test_matrices_of_zeros_that_are_frozen_are_marked() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    for layer in (model[0], model[1]):
        nn.init.zeros_(layer.weight)
    model[0].requires_grad_(False)
    model[2].requires_grad_(False)
    optimizer = SGD(model.parameters(), lr=0.1)
    roots = roots_of(model, optimizer)
    fact = describe_model(roots, optimizer, named_parameters(roots, optimizer))
    assert [p.name for p in fact.parameters if p.zero] == ["0.weight"]

"""The modules of a training, and the names of what is in them."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD

from unstuck.observe.user_code.model_roots import Roots, is_compiled


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1)))


def roots_of(*models: nn.Module) -> Roots:
    return Roots(SGD([p for model in models for p in model.parameters()], lr=0.1))


def test_of_one_root_names_are_paths() -> None:
    model = net()
    roots = roots_of(model)
    roots.add(model)
    assert list(roots) == [model]
    assert len(roots) == 1
    assert roots.is_root(model)
    assert not roots.is_root(model[0])
    assert model[1][1] in roots
    assert [roots.path(part) for part in (model, model[1], model[1][1])] == ["", "1", "1.1"]
    assert [roots.leaf(part) for part in (model[1], model[1][1])] == [None, "1.1"]
    assert set(roots.leaves().values()) == {"0", "1.0", "1.1"}
    assert list(roots.parameters()) == ["0.weight", "0.bias", "1.1.weight", "1.1.bias"]
    assert set(roots.modules()) == set(model.modules())


def test_of_several_roots_all_but_the_first_have_the_users_name_before_the_path() -> None:
    generator, critic = net(), nn.Linear(1, 1)
    roots = roots_of(generator, critic)
    roots.add(generator)
    roots.add(critic)
    assert roots.path(generator[0]) == "0"
    assert roots.path(critic) == "critic"
    assert list(roots.parameters())[-2:] == ["critic.weight", "critic.bias"]
    assert roots.identities == {id(generator), id(critic)}


def test_a_root_is_called_what_it_is_where_the_optimizer_is_made() -> None:
    def trained_as(model: nn.Module) -> list[str]:
        roots.add(model)
        return roots.variables

    network = net()
    roots = roots_of(network)
    assert trained_as(network) == ["network"]
    assert trained_as(nn.Linear(1, 1)) == ["network", "model"], "made later: what it is called where it is met"
    roots.clear()
    assert roots.variables == []


def test_a_root_without_a_name_has_that_of_its_class() -> None:
    roots = roots_of(net())
    roots.add(net())
    roots.add(nn.Bilinear(1, 1, 1))
    assert list(roots.parameters())[-2:] == ["bilinear.weight", "bilinear.bias"]


def test_modules_are_adopted_if_they_hold_parameters_of_the_optimizer() -> None:
    model, stranger = net(), nn.Linear(2, 2)
    roots = roots_of(model)
    assert not roots.adopt(stranger)
    assert not roots.adopt(nn.ReLU())
    assert roots.adopt(model)
    assert not roots.adopt(model)
    assert not roots.adopt(model[0]), "a part of a root is none"
    assert list(roots) == [model]
    assert roots.held == {id(parameter) for parameter in model.parameters()}


def test_a_module_takes_the_place_of_its_parts_until_one_was_seen_in_training() -> None:
    parts, other = nn.Sequential(net(), net()), net()
    roots = roots_of(parts, other)
    for module in (parts[0], other, parts):
        assert roots.adopt(module)
    assert list(roots) == [other, parts]
    assert not roots.is_root(parts[0])
    assert roots.path(parts[1][0]) == "parts.1.0"
    settled = roots_of(parts)
    assert settled.adopt(parts[0])
    settled.settled = True
    assert settled.adopt(parts)
    assert list(settled) == [parts[0], parts]
    assert settled.path(parts[0][0]) == "0"


def test_shared_layers_and_parameters_are_named_once() -> None:
    shared = nn.Linear(2, 2)
    model = nn.ModuleDict({"a": shared, "b": shared, "c": nn.Linear(2, 2)})
    model["c"].weight = shared.weight
    roots = roots_of(model)
    roots.add(model)
    assert roots.path(shared) == "a"
    assert set(roots.parameters()) == {"a.weight", "a.bias", "c.bias"}


def test_all_modules_are_let_go() -> None:
    model = net()
    roots = roots_of(model)
    roots.add(model)
    roots.clear()
    assert len(roots) == 0
    assert model not in roots
    assert not roots.is_root(model)
    assert roots.path(model) is roots.leaf(model[0]) is None
    assert roots.parameters() == roots.leaves() == {}


def test_compiled_modules_are_known() -> None:
    model, other = net(), net()
    assert not is_compiled(model)
    model[1].compile(backend="eager")
    assert is_compiled(model)
    assert is_compiled(torch.compile(other, backend="eager"))
    roots = roots_of(model)
    assert not roots.compiled
    roots.add(model)
    assert roots.compiled


def test_what_was_added_or_exchanged_is_noticed_once() -> None:
    model = net()
    optimizer = SGD(model.parameters(), lr=0.1)
    roots = Roots(optimizer)
    assert roots.changed(optimizer)
    roots.add(model)
    assert roots.changed(optimizer)
    assert not roots.changed(optimizer)
    model[1].append(nn.Linear(1, 1))
    assert roots.changed(optimizer)
    assert not roots.changed(optimizer)
    model[1][2].scale = nn.Parameter(torch.ones(1))
    assert roots.changed(optimizer), "in a module that was not there at first"
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))]})
    assert roots.changed(optimizer)
    model[0].weight = nn.Parameter(torch.ones(3, 2))
    assert roots.changed(optimizer)
    assert not roots.changed(optimizer)

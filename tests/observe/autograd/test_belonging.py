from __future__ import annotations

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from unstuck.observe.autograd.belonging import leads


def held(*modules: nn.Module) -> set[int]:
    return {id(parameter) for module in modules for parameter in module.parameters()}


X = torch.ones(4, 3)


def test_the_nearest_of_ones_own_weights_is_that_of_the_output_layer() -> None:
    body, first, second = nn.Linear(3, 3), nn.Linear(3, 1), nn.Linear(3, 1)
    hidden, own = body(X).relu(), held(body, first, second)
    assert leads(first(hidden).flatten(), own).nearest in held(first)
    assert leads(second(hidden), own).nearest in held(second)
    assert leads(body.weight, own).nearest == id(body.weight)


def test_an_output_of_other_weights_alone_is_not_ones_own() -> None:
    mine, theirs = nn.Linear(3, 3), nn.Linear(3, 3)
    own, others = held(mine), held(theirs)
    for output, past in (
        (theirs(X), True),
        (theirs(mine(X).detach()), True),
        (theirs(mine(X)), False),
        (mine(theirs(X)), False),
        (mine(X), False),
        (X, False),
    ):
        assert leads(output, own, others).past is past


def test_what_hides_its_weights_may_be_ones_own() -> None:
    mine, theirs = nn.Linear(3, 3), nn.Linear(3, 3)
    hidden = checkpoint(mine, X.clone().requires_grad_(), use_reentrant=True)
    found = leads(hidden, held(mine), held(theirs))
    assert (found.nearest, found.past) == (None, False)

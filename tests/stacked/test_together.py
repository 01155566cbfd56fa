"""One call for all members."""

import pytest
import torch
from torch import nn
from torch.func import vmap
from torch.nn import functional

from unstuck.stacked.masks import Masks
from unstuck.stacked.together import Together


def call(function, *args, dims=0, dropping=None):
    members = 3
    state = torch.Generator().manual_seed(5).get_state()
    together = Together(Masks([state] * members, [dropping or nn.Identity()] * members))

    def of_one(token, *values):
        with together:
            return function(*values)

    return vmap(of_one, in_dims=(0, *([dims] * len(args))))(torch.zeros(members), *args)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.linear(x, weight=torch.ones(2, 5), bias=torch.ones(2)),
        lambda x: functional.linear(x[0], torch.ones(2, 5)),
        lambda x: functional.cross_entropy(x, torch.tensor([0, 1, 2, 4]), reduction="sum"),
        lambda x: functional.max_pool2d(x.view(1, 1, 4, 5), kernel_size=2, return_indices=True)[1],
        lambda x: functional.dropout(x, 0.5, training=False),
        lambda x: functional.relu(x) + 1,
    ],
)
def test_functions_give_what_they_give_for_each(function):
    inputs = torch.randn(3, 4, 5)
    torch.testing.assert_close(call(function, inputs), torch.stack([function(x) for x in inputs]))


def test_dropout_of_inputs_that_all_share_differs_from_none_to_none():
    shared = call(lambda x: functional.dropout(x, 0.5), torch.ones(4, 5), dims=None)
    torch.set_rng_state(torch.Generator().manual_seed(5).get_state())
    assert torch.equal(shared[1], functional.dropout(torch.ones(4, 5), 0.5))


def test_dropout_in_place_changes_its_input():
    def both(x):
        y = x * 1
        functional.dropout(y, 0.5, True, True)
        return y

    assert (call(both, torch.ones(3, 40, 5)) == 0).any()


def test_the_operation_that_failed_is_known():
    state = torch.get_rng_state()
    together = Together(Masks([state], [nn.Identity()]))
    assert together.operation == "nothing"
    with pytest.raises(RuntimeError), together:
        torch.zeros(2) @ torch.zeros(3)
    assert "matmul" in together.operation


def test_within_another_transform_torchs_own_way_is_taken():
    def slope(x):
        return torch.func.grad(lambda y: functional.linear(y, torch.ones(1, 5)).sum())(x)

    assert torch.equal(call(slope, torch.randn(3, 4, 5)), torch.ones(3, 4, 5))

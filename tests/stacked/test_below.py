"""Below vmap."""

import torch
from torch.func import vmap

from unstuck.stacked.below import level, on_all


def test_the_function_sees_all_members_whatever_dimension_they_lie_in():
    seen = []

    def note(a, b, number):
        seen.append((a.shape, b.shape, number))
        return a + b + number

    found = vmap(lambda a, b: on_all(note, a, b, 2.0, members=3), in_dims=(1, None))(torch.zeros(4, 3), torch.ones(4))
    assert seen == [((3, 4), (3, 4), 2.0)]
    assert torch.equal(found, torch.full((3, 4), 3.0))


def test_gradients_flow_and_random_numbers_may_be_drawn():
    weights = torch.ones(3, 2, requires_grad=True)
    vmap(lambda w: on_all(lambda x: x * torch.rand(3, 2), w, members=3))(weights).sum().backward()
    assert ((weights.grad > 0) & (weights.grad < 1)).all()


def test_levels():
    seen = []
    vmap(lambda x: seen.append(level()) or vmap(lambda y: seen.append(level()) or y)(x))(torch.ones(2, 2))
    assert seen == [1, 2]
    assert level() == 0

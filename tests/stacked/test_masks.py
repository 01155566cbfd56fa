"""Masks of members are those of separate trainings."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from unstuck.stacked.masks import Masks, Slot, mark


def state_of(seed: int) -> torch.Tensor:
    return torch.Generator().manual_seed(seed).get_state()


@pytest.mark.parametrize(("features", "drop"), [(False, functional.dropout), (True, functional.dropout2d)])
def test_each_member_draws_what_it_would_draw_alone(features, drop):
    rates, seeds = (0.2, 0.5, 0.0, 1.0, 0.5), (0, 0, 0, 3, 3)
    models = [nn.Sequential(nn.Dropout(rate), nn.Dropout(0.3)) for rate in rates]
    masks = Masks([state_of(seed) for seed in seeds], models)
    inputs = torch.randn(5, 4, 3, 6, 6)
    first, second = (masks.drop(inputs, Slot(place), features=features) for place in (0, 1))
    for k, (rate, seed) in enumerate(zip(rates, seeds, strict=True)):
        torch.set_rng_state(state_of(seed))
        assert torch.equal(first[k], drop(inputs[k], rate))
        assert torch.equal(second[k], drop(inputs[k], 0.3))


def test_those_that_stay_draw_on():
    models = [nn.Sequential(nn.Dropout(0.5)) for _ in range(3)]
    whole, part = (Masks([state_of(seed) for seed in range(3)], models) for _ in range(2))
    ones = torch.ones(3, 8, 8)
    part.drop(ones, Slot(0), features=False), whole.drop(ones, Slot(0), features=False)
    part.keep([0, 2])
    expected = whole.drop(ones, Slot(0), features=False)[[0, 2]]
    assert torch.equal(part.drop(ones[:2], Slot(0), features=False), expected)
    assert torch.equal(part.state(1), whole.state(2))


def test_a_rate_of_the_call_is_that_of_all():
    masks = Masks([state_of(0)] * 2, [nn.Identity()] * 2)
    dropped = masks.drop(torch.ones(2, 1000), 0.25, features=False)
    assert torch.equal(dropped[0], dropped[1])
    assert 0.2 < (dropped[0] == 0).float().mean() < 0.3


def test_marking_gives_each_module_its_place():
    skeleton = nn.Sequential(nn.Dropout(0.1), nn.ReLU(), nn.Dropout(0.2))
    mark(skeleton)
    assert [skeleton[0].p.place, skeleton[2].p.place] == [0, 1]

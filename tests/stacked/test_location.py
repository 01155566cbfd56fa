"""Where a call is."""

import pytest
import torch
from torch import nn

from unstuck.stacked.location import Location


class Breaks(nn.Module):
    def forward(self, inputs):
        raise ValueError("no")


def test_the_innermost_module_and_then_nothing():
    model = nn.Sequential(nn.Sequential(nn.ReLU(), Breaks()), nn.ReLU())
    location = Location()
    with pytest.raises(ValueError, match="no"), location.followed(model):
        model(torch.zeros(1))
    assert str(location) == "module '0.1' (Breaks)"
    quiet = Location()
    with quiet.followed(model[1]):
        model[1](torch.zeros(1))
    assert str(quiet) == "outside of the model, as in the loss"
    assert not model[1]._forward_hooks

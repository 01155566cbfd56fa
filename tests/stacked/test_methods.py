"""Torch's optimizers and their counterparts."""

import pytest
import torch
from torch import nn

from unstuck import optim
from unstuck.stacked import CannotStackError
from unstuck.stacked.methods import method_of


def test_ours_is_itself():
    ours = optim.Momentum([nn.Parameter(torch.ones(1))])
    assert method_of(ours) is ours


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RAdam", "RMSprop", "Adagrad"])
def test_a_counterpart_reads_the_numbers_of_the_original(name):
    theirs = getattr(torch.optim, name)([nn.Parameter(torch.ones(1))], lr=0.5)
    method = method_of(theirs)
    assert type(method) is getattr(optim, name)
    theirs.param_groups[0]["lr"] = 0.25
    assert method.param_groups[0]["lr"] == 0.25
    assert method.rule(method.param_groups[0]).numbers is not None


def test_others_are_refused():
    with pytest.raises(CannotStackError, match="Rprop"):
        method_of(torch.optim.Rprop([nn.Parameter(torch.ones(1))]))
    with pytest.raises(CannotStackError, match="lr is a tensor"):
        method_of(torch.optim.Adam([nn.Parameter(torch.ones(1))], lr=torch.tensor(0.1)))

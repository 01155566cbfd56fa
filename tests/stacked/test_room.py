"""How many members find room."""

import torch
from torch import nn

from unstuck.stacked.room import members_at_once


def test_small_models_all_at_once_and_large_ones_one_by_one():
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5))
    assert members_at_once(model, torch.zeros(2, 4), 32) == 64
    assert model.training
    assert members_at_once(nn.Linear(4, 2**20), torch.zeros(2, 4), 16) == 4
    assert members_at_once(nn.Linear(4, 2**20), torch.zeros(2, 4), 1024) == 1

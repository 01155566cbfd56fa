"""Writing the weights of each epoch."""

from __future__ import annotations

import torch
from safetensors.torch import load_file
from torch import nn

from unstuck.train.kept import keep


def test_weights_are_written_by_epoch(tmp_path):
    model = nn.Linear(3, 2)
    file = keep(model, tmp_path, 7)
    assert file.name == "epoch-00007.safetensors"
    assert torch.equal(load_file(file)["weight"], model.weight)
    assert [path.name for path in file.parent.iterdir()] == [file.name]

import random

import numpy as np
import pytest
import torch
from torch import nn

from unstuck.init import quiet


class Restless(nn.Module):
    """Draws from every generator, replaces a buffer, registers one, changes modes and writes into its input."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("replaced", torch.zeros(2))
        self.register_buffer("absent", None)

    def forward(self, x):
        random.random()
        np.random.rand()
        torch.rand(1)
        self.replaced = torch.ones(2)
        self.absent = torch.ones(1)
        self.register_buffer("cache", torch.ones(1))
        self.norm.training = not self.norm.training
        return self.norm(x.add_(1))


def state_of_generators():
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()


def fail_after_a_look(model, batch):
    model.eval()
    quiet.call(model, batch)
    raise RuntimeError("on purpose")


def test_everything_is_put_back_even_after_an_error():
    model = Restless()
    held = model.replaced
    batch = torch.zeros(4, 3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generators = state_of_generators()
    with pytest.raises(RuntimeError, match="on purpose"), quiet.undisturbed(model):
        fail_after_a_look(model, batch)
    assert state_of_generators() == generators
    assert model.training
    assert model.norm.training
    assert model.replaced is held
    assert model.absent is None
    assert "cache" not in dict(model.named_buffers())
    assert batch.eq(0).all()
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_shapes_of_a_batch():
    class Sum(nn.Module):
        def forward(self, a, b=0, scale=1):
            return (a + b) * scale

    one = torch.ones(1)
    assert quiet.call(Sum(), one) == 1
    assert quiet.call(Sum(), (one, one)) == 2
    assert quiet.call(Sum(), [one, 2.0, 3]) == 9
    assert quiet.call(Sum(), {"a": one, "scale": 5}) == 5
    with pytest.raises(TypeError, match=r"a batch must be a tensor, a tuple .* got str"):
        quiet.call(Sum(), "batch")

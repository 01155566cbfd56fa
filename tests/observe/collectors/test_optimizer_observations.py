"""An optimizer that measures itself is believed, and says the same as our own measuring."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from unstuck import optim
from unstuck.observe import Observer
from unstuck.record import Run, RunWriter, signals

MEASURED = ("gradient_norm", "gradient_max", "gradient_zeros", "update_norm", "update_gradient_cosine", "update_ratio")


def record(folder, make):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    unused = nn.Parameter(torch.ones(2))
    optimizer = make([*model.parameters(), unused])
    with RunWriter(folder) as writer, Observer(model, optimizer, writer, budget=1.0) as observer:
        for _ in range(6):
            x, y = torch.randn(8, 6), torch.randint(3, (8,))
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert observer.failure is None
    return Run.open(folder)


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("method", ["SGD", "Adam"])
def test_it_agrees_with_measuring(method, engine, tmp_path):
    ours = record(tmp_path / "ours", lambda p: getattr(optim, method)(p, lr=1e-2, engine=engine))
    torchs = record(tmp_path / "torch", lambda p: getattr(torch.optim, method)(p, lr=1e-2))
    for key in MEASURED:
        signal = signals.BY_KEY[key]
        expected, seen = torchs.table(signal), ours.table(signal)
        first = 1 if engine == "torch" else 0  # the reference engine does not measure, which shows at the first sample
        # ||w|| before the step, ours, and after it, as measured, differ by the ratio itself
        rtol = 0.1 if key == "update_ratio" else 1e-3
        np.testing.assert_allclose(seen.values[first:], expected.values[first:], rtol=rtol, atol=1e-6, err_msg=key)

"""Observations are the norms that one would measure by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from unstuck.optim import SGD, Adam


@pytest.mark.parametrize("engine", ["torch", "numba", "fused"])
def test_against_measuring_by_hand(engine):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 3), nn.Linear(1, 1))
    optimizer = Adam(model.named_parameters(), lr=0.01, engine=engine, observe=True)
    for _ in range(3):
        optimizer.zero_grad()
        model[2](model[1](model[0](torch.randn(8, 20)))).square().sum().backward()
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        averages = {
            n: optimizer.state[p]["exp_avg"].clone() if p in optimizer.state else None
            for n, p in model.named_parameters()
        }
        optimizer.step()
    seen = optimizer.observations()
    assert seen.step == 3
    assert seen.names == tuple(before)
    assert seen.skipped.tolist() == [False] * 4 + [True] * 2
    assert np.isnan(seen.sums[4:]).all()
    for k, (name, p) in enumerate(list(model.named_parameters())[:4]):
        change = p.detach() - before[name]
        assert seen.weight_norm[k] == pytest.approx(float(before[name].norm()), rel=1e-5)
        assert seen.gradient_norm[k] == pytest.approx(float(p.grad.norm()), rel=1e-5)
        assert seen.update_norm[k] == pytest.approx(float(change.norm()), rel=1e-5)
        assert seen.gradient_max[k] == pytest.approx(float(p.grad.abs().max()))
        assert seen.zeros[k] == int((p.grad == 0).sum())
        assert seen.gradient_dot_update[k] == pytest.approx(float((p.grad * change).sum()), rel=1e-4)
        assert seen.gradient_dot_average[k] == pytest.approx(float((p.grad * averages[name]).sum()), rel=1e-4, abs=1e-4)
    ratios = seen.by_name("update_ratio")
    assert ratios["0.weight"] == pytest.approx(seen.update_norm[0] / seen.weight_norm[0])


def test_plain_descent_goes_straight_down():
    p = nn.Parameter(torch.ones(10))
    optimizer = SGD([p], lr=0.25)
    assert optimizer.observations() is None
    p.grad = torch.arange(10.0)
    optimizer.step()
    assert optimizer.observations().update_gradient_cosine == pytest.approx([-1.0])
    assert optimizer.observations().names == ("0.0",)


def test_the_reference_measures_when_asked():
    for observe in (False, True):
        p = nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
        optimizer = SGD([p], lr=0.25, observe=observe)
        p.grad = torch.ones_like(p)
        optimizer.step()
        assert np.isnan(optimizer.observations().gradient_norm[0]) == (not observe)

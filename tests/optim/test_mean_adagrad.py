"""In a narrow valley the mean forgets how steep it is, and bursts; a rate that decays cures it; the sum cannot."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.optim import Adagrad, MeanAdagrad
from unstuck.schedules import InverseTimeLR

RATE = 0.1
ARRIVED = 500  #: steps after which each of them has come down into the valley


def valley(w):
    """A valley along y = 0.02 x, 100,000 times as steep across as along."""
    x, y = w
    return (0.002 * x**2 + 200 * (y - 0.02 * x) ** 2) / 2


def heights(make, steps, schedule=None):
    """How far from the valley's floor each step leaves the weights."""
    w = nn.Parameter(torch.tensor([-4.0, 1.0], dtype=torch.float64))
    optimizer = make([w])
    plan = schedule(optimizer) if schedule else None
    seen = []
    for _ in range(steps):
        optimizer.zero_grad()
        valley(w).backward()
        optimizer.step()
        if plan:
            plan.step()
        x, y = w.detach().tolist()
        seen.append(abs(y - 0.02 * x))
    return seen


def bursts(seen):
    """How often a weight that was on the floor is thrown off it."""
    thrown, on_floor = 0, True
    for height in seen:
        thrown += on_floor and height > 0.1
        on_floor = height < 1e-3 or (on_floor and height < 0.1)
    return thrown


def test_on_a_narrow_valley_the_mean_is_thrown_again_and_again():
    seen = heights(lambda p: MeanAdagrad(p, lr=RATE), 6000)[ARRIVED:]
    assert min(seen[:1500]) < 8.5e-6
    assert max(seen) == pytest.approx(0.44, abs=0.01)
    assert bursts(seen) == 4


@pytest.mark.parametrize("by", ["lr_decay", "a schedule"])
def test_a_rate_that_decays_cures_it(by):
    if by == "lr_decay":
        seen = heights(lambda p: MeanAdagrad(p, lr=RATE, lr_decay=1e-3), 6000)
    else:
        seen = heights(lambda p: MeanAdagrad(p, lr=RATE), 6000, lambda o: InverseTimeLR(o, rate=1e-3))
    assert max(seen[ARRIVED:]) < 3e-5


def test_the_sum_cannot_burst():
    assert max(heights(lambda p: Adagrad(p, lr=RATE), 6000)[ARRIVED:]) < 3e-5


def test_equal_to_the_formula_and_to_adagrad_at_a_growing_rate():
    generator = torch.Generator().manual_seed(0)
    w, s = 0.7, 0.0
    param, twin = (nn.Parameter(torch.tensor([w], dtype=torch.float64)) for _ in range(2))
    mean, sums = MeanAdagrad([param], lr=RATE, lr_decay=0.1), Adagrad([twin], lr=RATE, eps=0.0)
    for t in range(1, 20):
        g = float(torch.randn((), generator=generator, dtype=torch.float64))
        s += g * g
        w -= RATE / (1 + 0.1 * (t - 1)) * g / (math.sqrt(s / t) + 1e-10)
        sums.param_groups[0]["lr"] = RATE / (1 + 0.1 * (t - 1)) * math.sqrt(t)
        param.grad, twin.grad = torch.full_like(param, g), torch.full_like(twin, g)
        mean.step()
        sums.step()
        assert param.item() == pytest.approx(w, rel=1e-12)
        assert twin.item() == pytest.approx(w, rel=1e-8)


@pytest.mark.parametrize(
    ("options", "said"), [({"lr": -1.0}, "lr: received -1.0"), ({"lr_decay": float("nan")}, "lr_decay: received nan")]
)
def test_bad_arguments_are_named(options, said):
    with pytest.raises(ArgumentError, match=said):
        MeanAdagrad([nn.Parameter(torch.ones(1))], **options)

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch.optim import Optimizer

import unstuck.optim as ours
from unstuck.curvature import RateUse, rate_in_use, rate_limit

MAKERS: dict[str, Callable[[list[torch.Tensor], float], Optimizer]] = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr=lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    "dampening": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, dampening=0.5),
    "Nesterov": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
    "decay": lambda p, lr: torch.optim.SGD(p, lr=lr, weight_decay=3.0),
    "Momentum": lambda p, lr: ours.Momentum(p, lr=lr, momentum=0.8),
    "AveragedMomentum": lambda p, lr: ours.AveragedMomentum(p, lr=lr),
    "our Nesterov": lambda p, lr: ours.Nesterov(p, lr=lr, momentum=0.8),
}


def end(make: Callable[[list[torch.Tensor], float], Optimizer], rate: float, curvature: float) -> float:
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = make([w], rate)
    for _ in range(1500):
        optimizer.zero_grad()
        (0.5 * curvature * w**2).sum().backward()
        optimizer.step()
    return abs(float(w.detach()))


@pytest.mark.parametrize("name", MAKERS)
def test_below_the_bound_it_converges_and_above_it_diverges(name: str) -> None:
    curvature = 7.0
    use = rate_in_use(MAKERS[name]([torch.ones(1, requires_grad=True)], 0.1))
    bound = rate_limit(curvature, use).largest
    assert end(MAKERS[name], 0.98 * bound, curvature) < 1.0
    assert not end(MAKERS[name], 1.02 * bound, curvature) < 1e3


def test_it_warns_at_the_edge_and_above() -> None:
    said = [rate_limit(2.0, RateUse(method="SGD", rate=rate)).warning for rate in (0.79, 0.81, 1.24, 1.26)]
    assert said[0] == ""
    assert "edge of stability: the rate 0.81 is 81%" in said[1]
    assert "edge of stability" in said[2]
    assert "1.26 times the largest stable one" in said[3]


def test_it_is_no_bound_on_a_method_that_scales_weights() -> None:
    use = rate_in_use(torch.optim.Adam([torch.ones(1, requires_grad=True)], lr=9.0))
    found = rate_limit(2.0, use)
    assert (found.largest, found.share, found.warning) == (1.0, None, "")
    assert rate_limit(-1.0).largest == math.inf


def test_the_largest_rate_counts_and_a_later_one_replaces_it() -> None:
    groups = [{"params": [torch.ones(1)], "lr": 0.1}, {"params": [torch.ones(1)], "lr": 0.3}]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.5)
    use = rate_in_use(optimizer)
    assert use is not None
    assert (use.rate, use.momentum, use.plain) == (0.3, 0.5, True)
    later = rate_in_use(optimizer, rate=0.01)
    assert later is not None
    assert later.rate == 0.01

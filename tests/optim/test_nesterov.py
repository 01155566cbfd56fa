"""Nesterov's momentum looks ahead, and its rewritten form traces the same path."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from unstuck.optim import LookAheadNesterov, Nesterov

RATE, MU = 0.02, 0.9
SCALE = torch.tensor([1.0, 10.0], dtype=torch.float64)


def start():
    return nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))


def loss(w):
    return (w**2 * SCALE).sum()


@pytest.mark.parametrize("by_closure", [False, True])
def test_the_same_path_seen_from_two_places(by_closure):
    x, w = start(), start()
    ahead, rewritten = LookAheadNesterov([x], lr=RATE, momentum=MU), Nesterov([w], lr=RATE, momentum=MU)

    def closure():
        ahead.zero_grad()
        value = loss(x)
        value.backward()
        return value

    for _ in range(40):
        if by_closure:
            ahead.step(closure)
        else:
            with ahead.look_ahead():
                closure()
            ahead.step()
        rewritten.zero_grad()
        loss(w).backward()
        rewritten.step()
        torch.testing.assert_close(w.detach(), x.detach() + MU * ahead.state[x]["velocity"], rtol=1e-12, atol=1e-14)


def test_looking_ahead_leaves_no_trace():
    x = start()
    optimizer = LookAheadNesterov([x], lr=RATE)
    optimizer.step(lambda: loss(x).backward())
    before = x.detach().clone()
    with optimizer.look_ahead():
        assert not torch.equal(x.detach(), before)
    assert torch.equal(x.detach(), before)


def test_an_ordinary_loop_hears_once_that_nothing_was_looked_ahead():
    x = start()
    optimizer = LookAheadNesterov([x], lr=RATE)
    loss(x).backward()
    with pytest.warns(UserWarning, match=r"not taken ahead, .*plain momentum; .*look_ahead.*closure.*Nesterov") as told:
        optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
    assert [warning.filename for warning in told] == [__file__]


def test_loops_that_look_ahead_hear_nothing():
    x = start()
    optimizer = LookAheadNesterov([x], lr=RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()  # no gradient, no step
        for _ in range(3):
            with optimizer.look_ahead():
                loss(x).backward()
            optimizer.step()
            optimizer.step(lambda: loss(x).backward())


def test_one_look_ahead_serves_one_step():
    x = start()
    optimizer = LookAheadNesterov([x], lr=RATE)
    with optimizer.look_ahead():
        loss(x).backward()
    optimizer.step()
    with pytest.warns(UserWarning, match="not taken ahead"):
        optimizer.step()

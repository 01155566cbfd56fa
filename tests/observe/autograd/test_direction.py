"""The sign by which something enters a loss is that of its gradient."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unstuck.observe.autograd.direction import directions

LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.mean(),
    "minus": lambda x: -x.sum(),
    "subtracted": lambda x: 3.0 - x.mean(),
    "from a tensor": lambda x: (torch.ones(4) - x).mean(),
    "less a constant": lambda x: (x - 5.0).sum(),
    "divided": lambda x: x.sum() / -2.0,
    "least": lambda x: -torch.min(x, x.clamp(0.5, 2.0)).mean(),
    "stacked": lambda x: -torch.stack([x[0], x[1]]).sum(),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_signs_are_those_of_gradients(loss: Callable[[Tensor], Tensor]) -> None:
    leaf = torch.ones(4, requires_grad=True)
    inner = leaf.exp()
    value = loss(inner)
    (gradient,) = torch.autograd.grad(value, inner, retain_graph=True)
    assert directions(value.grad_fn, {inner.grad_fn}) == {inner.grad_fn: 1 if float(gradient.sum()) > 0 else -1}


def test_behind_what_neither_rises_nor_falls_nothing_is_known() -> None:
    inner = torch.ones(4, requires_grad=True).exp()
    assert not directions(inner.cos().sum().grad_fn, {inner.grad_fn})

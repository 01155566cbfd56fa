"""What a number was added up from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unstuck.observe.autograd.reductions import reduction

ENTRIES = torch.arange(80.0).reshape(10, 8).requires_grad_()

CASES: dict[str, tuple[Callable[[Tensor], Tensor], int, float]] = {
    "sum": (lambda x: x.sum(), 80, 1.0),
    "mean": (lambda x: x.mean(), 1, 1 / 80),
    "sum of each, mean": (lambda x: x.sum(1).mean(), 8, 1 / 10),
    "mean of each, sum": (lambda x: x.mean(dim=-1).sum(), 10, 1 / 8),
    "kept dimension": (lambda x: x.sum(-1, keepdim=True).mean(0).squeeze(), 8, 1 / 10),
    "both axes": (lambda x: x.sum((0, 1)), 80, 1.0),
    "constants between": (lambda x: (-0.5 * x.sum(1) / 784).mean(), 8, -0.5 / 7840),
    "negated": (lambda x: -(x.sum(1).mean()), 8, -1 / 10),
}


@pytest.mark.parametrize(("number", "summed", "weight"), CASES.values(), ids=CASES)
def test_weights_are_those_of_the_gradient(number: Callable[[Tensor], Tensor], summed: int, weight: float) -> None:
    elements = ENTRIES.exp() * 0.0 + ENTRIES
    elements.retain_grad()
    value = number(elements)
    found = reduction(value.grad_fn)
    assert found is not None
    assert (found.shape, found.summed) == ((10, 8), summed)
    assert found.weight == pytest.approx(weight)
    value.backward()
    assert elements.grad is not None
    assert torch.allclose(elements.grad, torch.full((10, 8), weight))


def test_a_number_that_no_reduction_gave() -> None:
    assert reduction((ENTRIES[0, 0] * 2.0).exp().grad_fn) is None
    assert reduction(ENTRIES.std().grad_fn) is None


def test_a_product_of_two_that_are_learnt_ends_the_walk() -> None:
    scale = torch.ones(10, requires_grad=True)
    found = reduction((scale * ENTRIES.sum(dim=1)).mean().grad_fn)
    assert found is not None
    assert (found.shape, found.summed) == ((10,), 1)

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unstuck.observe.autograd.summands import summands, unscaled

X = torch.ones(3, requires_grad=True)


def names(tensor: Tensor) -> list[str]:
    return [node.name().removesuffix("Backward0") for node in summands(tensor.grad_fn)]


def test_a_sum_is_taken_apart_from_left_to_right() -> None:
    assert names(X.exp() - (X.sin() + 2.0 * X.tanh()) + 5.0) == ["Exp", "Sin", "Mul"]
    assert names((X.exp() + X.sin()).view(3, 1)) == ["Exp", "Sin"]


def test_what_is_no_sum_is_one_term() -> None:
    assert names(X.exp()) == ["Exp"]
    assert names((X.exp() + X.sin()) * X) == ["Mul"]
    assert list(summands(None)) == []


@pytest.mark.parametrize(
    ("product", "inner", "factor"),
    [
        (lambda x: 3.0 * x.exp(), "Exp", 3.0),
        (lambda x: -(x.exp() / 4.0), "Exp", -0.25),
        (lambda x: x.exp(), "Exp", 1.0),
        (lambda x: x.exp() * torch.arange(3.0), "Exp", 1.0),
        (lambda x: x.exp() * x.sin(), "Mul", 1.0),
    ],
)
def test_constants_are_taken_off(product, inner: str, factor: float) -> None:
    node, known = unscaled(product(X).grad_fn)
    assert (node.name().removesuffix("Backward0"), known) == (inner, factor)

"""Recorded functions against torch's automatic differentiation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unstuck.surfaces.formula import NotRecordable, record
from unstuck.surfaces.kernel import compile_surface
from unstuck.surfaces.surface import define

FUNCTIONS = {
    "polynomial": lambda x, y: (1.5 - x + x * y) ** 2 - 3 * x / y + 2**x,
    "powers": lambda x, y: x**4 + (x * x + y * y) ** 0.5 + abs(x - y) + y**x,
    "numpy": lambda x, y: np.sin(x) * np.exp(-y) + np.where(x > 0.5, x * y, -y) + np.fmax(x, y) + np.minimum(x, 2 * y),
    "torch": lambda x, y: torch.cos(x) * torch.tanh(y) + torch.where(x > y, x, y * y) + torch.log(y) + torch.atan(x),
    "methods": lambda x, y: (x * y).sin() + y.log1p() + x.cosh() - y.expm1() + x.square() + x.tan() + x.sinh(),
    "constant": lambda x, y: 3.0,
    "one": lambda x, y: -x + (+y) * 0,
}
TORCH = {
    **FUNCTIONS,
    "numpy": lambda x, y: (
        torch.sin(x) * torch.exp(-y) + torch.where(x > 0.5, x * y, -y) + torch.maximum(x, y) + torch.minimum(x, 2 * y)
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_gradient_are_those_of_autograd(name):
    surface = define(name, FUNCTIONS[name], start=(0.7, 1.3), window=(0, 2, 0, 2))
    assert surface.slopes == "exact"
    height, _ = compile_surface(surface)
    for at in ((0.7, 1.3), (0.2, 0.9), (1.1, 0.4)):
        point = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in at]
        loss = torch.as_tensor(TORCH[name](*point), dtype=torch.float64) + 0 * sum(point)
        expected = [loss.item(), *(slope.item() for slope in torch.autograd.grad(loss, point))]
        assert height(*at) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def branching(x, y):
    return x if x > 0 else y


@pytest.mark.parametrize(
    "function", [branching, lambda x, y: math.sin(x), lambda x, y: x * [y], lambda x, y: x * math.inf]
)
def test_what_no_symbol_can_follow_is_not_recorded(function):
    with pytest.raises(NotRecordable):
        record(function)


def test_equal_operations_are_written_once():
    formula = record(lambda x, y: (x * y) + (x * y))
    assert [line for line in formula.lines if line.endswith("x * y")] == ["a0 = x * y"]

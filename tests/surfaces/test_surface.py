from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.surfaces.surface import define

WINDOW = (-2.0, 2.0, -2.0, 2.0)


def by_math(x, y):
    return math.sin(x) + y**2


def by_tensor_methods(x, y):
    return torch.stack([x, y]).square().sum()


def test_how_the_gradient_comes_about():
    assert define("a", lambda x, y: x * y, start=(1, 2), window=WINDOW).slopes == "exact"
    assert define("b", by_tensor_methods, start=(1, 2), window=WINDOW).slopes == "autograd"
    assert define("c", lambda x, y: float(x) ** 2 + y, start=(1, 2), window=WINDOW).slopes == "differences"


@pytest.mark.parametrize(("function", "expected"), [(by_tensor_methods, (5.0, 2.0, 4.0)), (by_math, None)])
def test_gradient_of_called_functions(function, expected):
    surface = define("f", function, start=(1.0, 2.0), window=WINDOW)
    expected = expected or (math.sin(1) + 4, math.cos(1), 4.0)
    assert surface.gradient(1.0, 2.0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("function", [by_math, lambda x, y: x**2 - y, by_tensor_methods, lambda x, y: 3.0])
def test_grid_holds_the_loss_at_each_point(function):
    surface = define("f", function, start=(1.0, 2.0), window=WINDOW)
    x, y = np.array([-1.0, 0.5, 2.0]), np.array([0.0, 1.5])
    values = surface.grid(x, y)
    assert values.shape == (2, 3)
    at = torch.tensor if surface.slopes == "autograd" else float
    assert values[1, 2] == pytest.approx(float(function(at(2.0), at(1.5))))


def test_grid_is_nan_where_the_loss_is_not_finite():
    surface = define("f", lambda x, y: np.log(x) + y, start=(1.0, 2.0), window=WINDOW)
    assert np.isnan(surface.grid(np.array([-1.0, 1.0]), np.array([0.0]))).tolist() == [[True, False]]


def broken(x, y):
    raise KeyError("weights")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (broken, "the function raises at x = 1, y = 2: KeyError: 'weights'"),
        (lambda x, y: None, "returns NoneType at x = 1, y = 2; a number is accepted"),
        (lambda x, y: math.nan, "it is nan at the start, x = 1, y = 2"),
        (lambda x, y: np.log(x - 2), "it is nan at the start"),
        (lambda x: x, "takes 1 positional argument"),
    ],
)
def test_functions_that_are_no_loss_are_refused(function, message):
    with pytest.raises(ArgumentError, match=message):
        define("f", function, start=(1.0, 2.0), window=WINDOW)


def test_the_map_is_blank_where_the_function_raises():
    surface = define("f", lambda x, y: math.log(x + 1.0) ** 2 + y**2, start=(1.0, 1.0), window=WINDOW)
    values = surface.grid(np.array([-1.5, 1.0]), np.array([0.0, 1.0]))
    assert np.isnan(values).tolist() == [[True, False], [True, False]]
    assert surface.refused[0].startswith("the function raises at x = -1.5, y = 0: ValueError")


def test_a_function_that_is_nan_is_refused_without_a_warning(recwarn):
    with pytest.raises(ArgumentError, match="nan at the start"):
        define("f", lambda x, y: x * float("nan"), start=(1.0, 1.0), window=WINDOW)
    assert not recwarn.list

import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.nn import ACTIVATIONS, activation
from unstuck.nn.activations import widening

FORMULAS = {
    "relu": lambda x: x.clamp(min=0),
    "leaky-relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "elu": lambda x: torch.where(x > 0, x, x.exp() - 1),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "silu": lambda x: x / (1 + (-x).exp()),
    "tanh": lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "maxout": lambda x: torch.maximum(x[:, :1], x[:, 1:]),
    "linear": lambda x: x,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_name_is_its_formula(name: str) -> None:
    x = torch.linspace(-4, 4, 42, dtype=torch.float64).reshape(2, 21).T
    torch.testing.assert_close(activation(name)(x), FORMULAS[name](x))


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="activation='rellu' is not known; did you mean 'relu'"):
        activation("rellu")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_layers_are_widened_by_what_it_takes_for_a_unit(name: str) -> None:
    assert activation(name)(torch.randn(3, 7 * widening(name))).shape == (3, 7)

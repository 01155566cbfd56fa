import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.nn import ACTIVATIONS, activation

FORMULAS = {
    "relu": lambda x: x.clamp(min=0),
    "leaky-relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "elu": lambda x: torch.where(x > 0, x, x.exp() - 1),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "silu": lambda x: x / (1 + (-x).exp()),
    "tanh": lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "linear": lambda x: x,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_name_is_its_formula(name: str) -> None:
    x = torch.linspace(-4, 4, 41, dtype=torch.float64)
    torch.testing.assert_close(activation(name)(x), FORMULAS[name](x))


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="activation='rellu' is not known; did you mean 'relu'"):
        activation("rellu")

from typing import Any

import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.nn import MLP


def test_the_layers_are_those_of_the_formula() -> None:
    model = MLP(hidden=(5, 4), activation="tanh").build((3,), 2)
    x = torch.randn(6, 3)
    w1, b1, w2, b2, w3, b3 = model.parameters()
    expected = torch.tanh(torch.tanh(x @ w1.T + b1) @ w2.T + b2) @ w3.T + b3
    torch.testing.assert_close(model(x), expected)


def test_norm_comes_before_the_nonlinearity_and_dropout_after() -> None:
    model = MLP(hidden=(4,), norm="batch", dropout=0.5).build((1, 2, 2), 3)
    kinds = [type(layer) for layer in model]
    assert kinds == [nn.Flatten, nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout, nn.Linear]


def test_maxout_takes_two_maps_for_each_unit() -> None:
    torch.manual_seed(0)
    model = MLP(hidden=(5,), activation="maxout", norm="batch").build((3,), 2).eval()
    x = torch.randn(6, 3)
    w1, b1, _, _, w2, b2 = model.parameters()
    both = (x @ w1.T + b1) / (1 + 1e-5) ** 0.5  # fresh running statistics: mean 0, variance 1
    expected = torch.maximum(both[:, :5], both[:, 5:]) @ w2.T + b2
    torch.testing.assert_close(model(x), expected)


def test_no_hidden_layer_is_a_linear_map() -> None:
    assert [type(layer) for layer in MLP(hidden=()).build((3,), 2)] == [nn.Linear]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hidden": (8, 0)}, r"hidden=\[8, 0\]: whole numbers from 1"),
        ({"hidden": (2.5,)}, "hidden="),
        ({"dropout": 1.0}, r"dropout=1.0: a share is accepted, from 0 \(none\) to below 1"),
        ({"dropout": float("nan")}, "dropout=nan"),
        ({"activation": "tan"}, "did you mean 'tanh'"),
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        MLP(**sizes)

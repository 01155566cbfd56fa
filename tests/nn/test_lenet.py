from typing import Any

import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.nn import LeNet, architecture, summary


def test_it_has_the_sizes_of_the_paper() -> None:
    model = architecture("lenet", activation="tanh", pooling="average").build((1, 28, 28), 10)
    shapes = [tuple(model[:depth](torch.zeros(1, 1, 28, 28)).shape[1:]) for depth in (1, 3, 4, 6)]
    # Layers C1, S2, C3 and S4 of figure 2.
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)]
    # 156 for C1, 2,416 for C3 when every map sees every map, 48,120 for C5, 10,164 for F6, 850 at the end.
    assert summary(model, torch.zeros(1, 1, 28, 28)).parameters == 156 + 2416 + 48120 + 10164 + 850
    assert [type(layer).__name__ for layer in model[:3]] == ["Conv2d", "Tanh", "AvgPool2d"]


@pytest.mark.parametrize("features", [(1, 12, 12), (3, 32, 32), (2, 13, 40)])
@pytest.mark.parametrize("activation", ["relu", "maxout"])
def test_images_large_enough_are_taken(features: tuple[int, ...], activation: str) -> None:
    model = LeNet(activation=activation, dropout=0.5).build(features, 7)
    assert model(torch.randn(4, *features)).shape == (4, 7)


def test_an_image_that_pooling_would_use_up_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"name='lenet': got images of 8 x 8; .* need 12 x 12 at least: take 'cnn'"):
        LeNet().build((1, 8, 8), 10)
    with pytest.raises(ArgumentError, match="'lenet': needs images"):
        LeNet().build((64,), 10)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"channels": (6,)}, r"channels=\[6\]: "),
        ({"channels": (6, 16, 32)}, r"channels=\[6, 16, 32\]: "),
        ({"channels": (6, 0)}, r"channels=\[6, 0\]: whole numbers"),
        ({"activation": "tan"}, "did you mean 'tanh'"),
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        LeNet(**sizes)

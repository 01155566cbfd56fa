from typing import Any

import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.nn import CNN


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_sizes_follow_the_arithmetic_of_convolution() -> None:
    model = CNN(channels=(4, 6), kernel=5, hidden=(7,)).build((2, 8, 12), 3)
    # k k c_in c_out + c_out for each convolution; pooling twice leaves 2 x 3 pixels of 6 channels.
    assert parameters(model) == (5 * 5 * 2 * 4 + 4) + (5 * 5 * 4 * 6 + 6) + (6 * 2 * 3 * 7 + 7) + (7 * 3 + 3)
    assert model(torch.randn(5, 2, 8, 12)).shape == (5, 3)


def test_pooling_counts_from_the_last_block() -> None:
    kinds = [type(layer).__name__ for layer in CNN(channels=(2, 2), pool=1, hidden=()).build((1, 4, 4), 2)]
    assert kinds == ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear"]


def test_norm_and_dropout_find_their_places() -> None:
    kinds = [type(m).__name__ for m in CNN(channels=(2,), hidden=(3,), norm="batch", dropout=0.1).build((1, 4, 4), 2)]
    assert kinds == [
        *("Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Flatten", "Dropout"),
        *("Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear"),
    ]


def test_average_pooling_takes_the_mean_of_four_pixels() -> None:
    sizes: dict[str, Any] = {"channels": (2,), "hidden": (), "activation": "linear"}
    average = CNN(**sizes, pooling="average").build((1, 4, 6), 2)
    x = torch.randn(3, 1, 4, 6)
    convolved = average[0](x)
    expected = convolved.unflatten(3, (3, 2)).unflatten(2, (2, 2)).mean((3, 5))
    torch.testing.assert_close(average[:3](x), expected)
    assert [type(layer).__name__ for layer in CNN(**sizes).build((1, 4, 6), 2)][2] == "MaxPool2d"


def test_maxout_goes_over_the_maps_of_a_convolution() -> None:
    model = CNN(channels=(4,), hidden=(5,), activation="maxout", norm="batch").build((2, 8, 8), 3)
    assert model[0].out_channels == 8
    assert model[:4](torch.randn(6, 2, 8, 8)).shape == (6, 4, 4, 4)
    assert model(torch.randn(6, 2, 8, 8)).shape == (6, 3)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"channels": ()}, r"channels=\[\]: at least 1 layer"),
        ({"channels": (0,)}, r"channels=\[0\]"),
        ({"kernel": 4}, "kernel=4: an odd whole number"),
        ({"pool": 3}, "pool=3: a number of blocks is accepted, 0 to 2"),
        ({"dropout": -0.1}, "dropout=-0.1"),
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        CNN(**sizes)


def test_a_table_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"needs images .* got examples of shape \(30,\); take 'mlp'"):
        CNN().build((30,), 2)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"kernel": 17}, r"kernel=17: larger than its input: block 1 of 2 gets images of 8 x 8, .* give at most 15"),
        ({"kernel": 9}, r"kernel=9: larger than its input: block 2 of 2 gets images of 4 x 4, .* give at most 7"),
    ],
)
def test_a_kernel_larger_than_its_input_is_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        CNN(channels=(2, 2), **sizes).build((1, 8, 8), 10)


def test_every_weight_of_the_largest_kernel_sees_a_pixel() -> None:
    model = CNN(channels=(2,), kernel=15, hidden=()).build((1, 8, 8), 10)
    model[0](torch.rand(1, 1, 8, 8) + 1.0).sum().backward()
    assert bool((model[0].weight.grad != 0).all())


def test_pooling_an_image_away_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"4 poolings leave nothing of an image of 8 x 8"):
        CNN(channels=(2, 2, 2, 2)).build((1, 8, 8), 10)

import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.nn import Maxout


def test_it_is_the_largest_of_its_affine_maps() -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(5, 3 * 4), torch.randn(6, 5)
    maps = [x @ layer.weight[4 * j : 4 * j + 4].T + layer.bias[4 * j : 4 * j + 4] for j in range(3)]
    expected = torch.maximum(torch.maximum(maps[0], maps[1]), maps[2])
    torch.testing.assert_close(Maxout(3)(layer(x)), expected)


def test_after_a_convolution_it_goes_over_channels() -> None:
    torch.manual_seed(0)
    layer, x = nn.Conv2d(2, 2 * 3, 3), torch.randn(4, 2, 7, 6)
    first, second = layer(x).split(3, dim=1)
    torch.testing.assert_close(Maxout(2)(layer(x)), torch.maximum(first, second))


def test_it_becomes_a_rectifier_and_an_absolute_value() -> None:
    x = torch.linspace(-2, 2, 9)[:, None]
    torch.testing.assert_close(Maxout()(torch.cat([x, 0 * x], dim=1)), x.relu())
    torch.testing.assert_close(Maxout()(torch.cat([x, -x], dim=1)), x.abs())


def test_its_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Maxout(3), x)


def test_outputs_that_cannot_be_shared_out_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"pieces=2: the layer before gives 5 outputs.*such as 6"):
        Maxout()(torch.zeros(1, 5))


@pytest.mark.parametrize("pieces", [0, 1, 2.0, True])
def test_fewer_than_two_pieces_are_refused(pieces: int) -> None:
    with pytest.raises(ArgumentError, match="pieces="):
        Maxout(pieces)

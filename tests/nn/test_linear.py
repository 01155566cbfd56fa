import pytest
import torch

from unstuck.nn import Linear


@pytest.mark.parametrize("features", [(5,), (2, 3, 4)])
def test_it_is_a_matrix_product(features: tuple[int, ...]) -> None:
    model = Linear().build(features, 3)
    x = torch.randn(7, *features)
    weight, bias = model.parameters()
    torch.testing.assert_close(model(x), x.reshape(7, -1) @ weight.T + bias)

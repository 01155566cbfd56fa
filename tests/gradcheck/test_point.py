import pytest
import torch
from torch import nn
from torch.nn import functional

from unstuck.errors import ArgumentError
from unstuck.gradcheck import check_gradients


def test_lazy_layers_are_given_weights_on_a_copy() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(2))
    check = check_gradients(model, functional.mse_loss, (torch.randn(3, 5), torch.randn(3, 2)))
    assert check.verdict == "right", str(check)
    assert any("lazy" in note for note in check.notes)
    assert isinstance(model[0].weight, nn.UninitializedParameter)


def test_lazy_layers_that_do_not_fit_are_refused_in_a_word() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.LazyConv2d(3, 3))
    with pytest.raises(ArgumentError, match="does not run on the inputs"):
        check_gradients(model, functional.mse_loss, (torch.randn(3, 5), torch.randn(3, 2)))


def test_empty_tensors_have_no_gradient() -> None:
    with pytest.raises(ArgumentError, match="nor empty tensors"):
        check_gradients(torch.sin, torch.randn(0, 3))

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Function

import unstuck.testing


class Halved(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * ctx.saved_tensors[0]


def test_a_right_model_passes_in_one_line() -> None:
    batch = torch.randn(3, 4), torch.tensor([0, 1, 1])
    assert unstuck.testing.assert_gradients(nn.Linear(4, 2), nn.functional.cross_entropy, batch).verdict == "right"


def test_a_wrong_function_fails_with_its_name_line_and_table() -> None:
    with pytest.raises(AssertionError, match=r"(?s)wrong: input.*Halved.backward.*tensor +shape +checked"):
        unstuck.testing.assert_gradients(Halved.apply, torch.randn(3), coordinates="all", seed=1)

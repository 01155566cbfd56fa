import inspect
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from unstuck.gradcheck.locate import custom_functions


class Double(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        return factor * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return 2.0 * gradient, None


class Same(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def test_hand_written_functions_of_a_graph_are_found_once_with_file_and_line() -> None:
    x = torch.randn(3, requires_grad=True)
    value = Double.apply(torch.sin(Double.apply(x, 2.0)), 2.0).sum() + Same.apply(x).sum()
    found = {function.kind: function for function in custom_functions(value)}
    assert set(found) == {Double, Same}
    assert (found[Double].file, found[Double].line) == (__file__, inspect.getsourcelines(Double.backward)[1])
    assert str(found[Same]).startswith("Same.backward (")


def test_a_graph_without_any_and_a_value_without_graph_have_none() -> None:
    assert custom_functions(torch.randn(3, requires_grad=True).sin().sum()) == ()
    assert custom_functions(torch.ones(())) == ()

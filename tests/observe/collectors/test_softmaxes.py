from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from unstuck.observe.collectors.softmaxes import softmax_of


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 3, 4), (2, 3, 4, 5)])
def test_the_axis_that_pytorch_takes_where_none_is_given(shape: tuple[int, ...]) -> None:
    values = torch.randn(shape)
    fact = softmax_of(functional.softmax, (values,), {"dim": None}, "")
    assert fact is not None
    assert torch.equal(nn.Softmax()(values), values.softmax(fact.axis))


def test_an_axis_is_counted_from_the_first() -> None:
    fact = softmax_of(torch.Tensor.softmax, (torch.randn(2, 3, 4), -2), {}, "pool")
    assert fact is not None
    assert (fact.axis, fact.shape, fact.where) == (1, (2, 3, 4), "pool")


def test_other_calls_are_none() -> None:
    assert softmax_of(torch.sigmoid, (torch.randn(2),), {}, "") is None


def test_the_output_of_the_model_is_known() -> None:
    output = torch.randn(2, 3, 4, 5)
    for values, of_output in ((output, True), (output.clone(), False)):
        fact = softmax_of(torch.softmax, (values, 1), {}, "", output)
        assert fact is not None
        assert fact.of_output is of_output

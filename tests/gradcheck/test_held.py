"""With all that is detached held, differences are those of what is left to move."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from unstuck.gradcheck.held import Held

X = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)


def half(x: Tensor) -> Tensor:
    return (x * x.detach() + x.data).sum()


def hard(x: Tensor) -> Tensor:
    torch.manual_seed(0)
    return (functional.gumbel_softmax(x, 0.7, hard=True) * torch.tensor([1.0, 2.0, 5.0])).sum()


@pytest.mark.parametrize("function", [half, hard])
def test_differences_are_the_gradient(function: Callable[[Tensor], Tensor]) -> None:
    with Held() as before:
        value = function(X)
    assert value == function(X)
    leaf = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(leaf), leaf)
    for i, expected in enumerate(gradient):
        step = torch.zeros(3, dtype=torch.float64)
        step[i] = 1e-6
        sides: list[Tensor] = []
        for x in (X + step, X - step):
            with Held(before.kept):
                sides.append(function(x))
        assert float((sides[0] - sides[1]) / 2e-6) == pytest.approx(float(expected), abs=1e-8)


def test_a_soft_sample_is_left() -> None:
    with Held() as before:
        functional.gumbel_softmax(X)
    assert before.kept == []


def test_what_is_written_over_later_is_kept_as_it_was() -> None:
    with Held() as before:
        y = X.clone().detach()
        y.zero_()
    assert before.kept[0].tolist() == X.tolist()


@pytest.mark.parametrize("kept", [[], [torch.zeros(2)]])
def test_other_detached_tensors_than_before_are_refused(kept: list[Tensor]) -> None:
    with pytest.raises(RuntimeError, match="what is detached has changed"), Held(kept):
        X.detach()

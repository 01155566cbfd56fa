"""What is moved, and what stands in the model while a backward pass runs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from unstuck.gradcheck import GradientCheck, check_gradients
from unstuck.gradcheck.problem import build


def names(check: GradientCheck) -> list[str]:
    return [tensor.name for tensor in check.tensors]


def test_inputs_that_require_gradients_are_moved_alone_where_any_does() -> None:
    a, b = torch.randn(3), torch.randn(3)
    assert names(check_gradients(torch.mul, (a, b))) == ["input[0]", "input[1]"]
    assert names(check_gradients(torch.mul, (a, b.requires_grad_()))) == ["input[1]"]
    named = {"input": a, "other": b}
    assert names(check_gradients(lambda **given: torch.mul(*given.values()), named)) == ["input.other"]


def test_targets_beside_a_prediction_are_not_moved() -> None:
    p = torch.rand(4, 3).requires_grad_()
    assert check_gradients(nn.BCELoss(), (p, torch.ones(4, 3))).verdict == "right"
    check = check_gradients(nn.SoftMarginLoss(), (torch.randn(4, 3).requires_grad_(), torch.ones(4, 3)))
    assert check.verdict == "right", str(check)


def test_parameters_are_moved_whatever_the_inputs_ask_for() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(2))

        def forward(self, x: Tensor, weight: Tensor) -> Tensor:
            return functional.linear(x, weight, self.bias)

    data = {"x": torch.randn(3, 4).requires_grad_(), "weight": torch.ones(2, 4)}, torch.randn(3, 2)
    assert names(check_gradients(Own(), functional.mse_loss, data)) == ["bias", "input.x"]


class Checkpointed(nn.Module):
    def __init__(self, *, reentrant: bool, right: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.three = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.dropout, self.reentrant, self.right = nn.Dropout(0.3), reentrant, right

    def part(self, h: Tensor) -> Tensor:
        h = self.dropout(torch.tanh(self.two(h)))
        return h if self.right else 0.5 * h + 0.5 * h.detach()

    def forward(self, x: Tensor) -> Tensor:
        return self.three(checkpoint(self.part, self.one(x), use_reentrant=self.reentrant))


DATA = torch.randn(3, 4), torch.tensor([0, 1, 1])


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("warm_up", [0, 3])
def test_a_checkpoint_runs_again_with_the_tensors_in_place(reentrant: bool, warm_up: int) -> None:
    check = check_gradients(Checkpointed(reentrant=reentrant), functional.cross_entropy, DATA, warm_up=warm_up)
    assert check.verdict == "right", str(check)
    assert {"two.weight", "one.weight", "input"} <= set(names(check))
    wrong = check_gradients(Checkpointed(reentrant=reentrant, right=False), functional.cross_entropy, DATA)
    assert wrong.verdict == "wrong"
    assert not wrong.culprits


def test_the_second_derivative_through_a_checkpoint() -> None:
    check = check_gradients(Checkpointed(reentrant=False), functional.cross_entropy, DATA, order=2)
    assert check.verdict == "right", str(check)


def test_a_function_sees_the_moved_parameters_until_it_ends() -> None:
    model = nn.Linear(2, 1)
    problem = build(model, functional.mse_loss, torch.ones(1, 2), torch.zeros(1, 1), dtype=torch.float64)
    moved = {"weight": torch.full((1, 2), 3.0, dtype=torch.float64)}
    weight = lambda *_: problem.objective.call.weight.detach().clone()
    assert torch.equal(problem.within(moved, weight), moved["weight"])
    assert torch.equal(weight(), model.weight.detach().double())

"""Directions through whole tensors: what agrees is right in all entries, what does not is found one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from unstuck.gradcheck import check_gradients
from unstuck.gradcheck.lines import along_lines, directions, worst_entry
from unstuck.gradcheck.point import evaluator_at
from unstuck.gradcheck.problem import build


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class OneOff(Function):
    """The sine, with a backward pass that is off in one entry."""

    place, error = 3210, 1e-2

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        right = gradient * ctx.saved_tensors[0].cos()
        right.view(-1)[OneOff.place] *= 1 + OneOff.error
        return right


@pytest.mark.parametrize("place", [0, 3210, 4999])
@pytest.mark.parametrize("error", [1.0, 1e-2, 1e-3])
def test_one_wrong_entry_of_thousands_is_found(place: int, error: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OneOff, "place", place)
    monkeypatch.setattr(OneOff, "error", error)
    check = check_gradients(OneOff.apply, drawn(50, 100))
    assert check.verdict == "wrong", str(check)
    assert check.tensors[0].wrong == ((place // 100, place % 100),)


def test_all_entries_of_a_smooth_model_are_compared_together_and_small_tensors_singly() -> None:
    model = nn.Sequential(nn.Linear(300, 300), nn.Tanh(), nn.Linear(300, 5))
    check = check_gradients(model, functional.mse_loss, (drawn(3, 300), drawn(3, 5, seed=1)), inputs=False)
    assert check.verdict == "right", str(check)
    assert [(t.checked, t.together) for t in check.tensors] == [(90_000, True), (300, True), (1_500, True), (5, False)]
    assert "91,800 of them along random directions" in check.reason
    assert check.max_relative_error < 1e-6


def test_a_tensor_with_a_kink_is_looked_at_one_by_one() -> None:
    x = torch.linspace(0.1, 1.0, 60)
    x[7] = 0.0
    assert check_gradients(torch.abs, x[8:]).tensors[0].together
    check = check_gradients(torch.abs, x)
    assert check.verdict == "right"
    assert not check.tensors[0].together
    singly = check_gradients(torch.abs, x, coordinates="all")
    assert singly.kinks == 1


def test_a_uniform_error_that_is_slight_is_remarked_in_a_large_tensor() -> None:
    factor = 1 + 3e-5
    check = check_gradients(lambda x: factor * x.sin() + (1 - factor) * x.sin().detach(), drawn(40, 40))
    assert check.verdict == "right"
    assert check.tensors[0].remarkable


def test_a_gradient_of_zero_is_for_single_coordinates_to_say() -> None:
    problem = build(lambda x: x.detach().sin(), None, drawn(6, 6), None, dtype=torch.float64)
    evaluator, _ = evaluator_at(problem)
    zero = {"input": torch.zeros(6, 6, dtype=torch.float64)}
    lines = along_lines(evaluator, zero, directions(problem, {}), 1e-5)
    assert (lines.right, lines.wrong) == ({}, {"input"})
    assert along_lines(evaluator, {}, {}, 1e-5).right == {}


def test_the_entry_furthest_off_is_found_in_a_few_batches() -> None:
    problem = build(torch.sin, None, drawn(7, 11, 13), None, dtype=torch.float64)
    evaluator, _ = evaluator_at(problem)
    leaf = problem.tensors["input"].clone().requires_grad_()
    problem.at({"input": leaf}).backward()
    assert leaf.grad is not None
    v = directions(problem, {})["input"]
    leaf.grad.view(-1)[777] += 1e-3
    assert worst_entry(evaluator, "input", leaf.grad, v, 1e-5) == 777


def test_a_direction_leaves_out_what_it_is_to_and_is_as_long_as_a_step() -> None:
    problem = build(torch.sin, None, drawn(10, 10), None, dtype=torch.float64)
    v = directions(problem, {"input": slice(10, 20)})["input"]
    assert not v[1].any()
    assert int((v != 0).sum()) == 90
    assert float(v.norm()) == pytest.approx(max(1.0, float(drawn(10, 10).square().mean().sqrt())))


def test_a_padding_row_is_left_out_of_a_direction() -> None:
    layer = nn.Embedding(40, 3, padding_idx=0)
    check = check_gradients(layer, torch.tensor([[0, 2], [5, 2]]))
    assert check.verdict == "right", str(check)
    assert any("row 0 is padding" in note for note in check.notes)

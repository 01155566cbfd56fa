"""Norms of gradients, weights and updates, compared with explicit ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.collectors import parameters as module
from unstuck.observe.session import Session
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.updates import OwnUpdates
from unstuck.record import Run, RunWriter, signals


def step_of(watched: Any, *tensors: Tensor, gradients: list[Tensor | None]) -> dict[str, Any]:
    for tensor, gradient in zip(tensors, gradients, strict=True):
        tensor.grad = gradient
    with watched(None, tensors) as step:
        return step.update()


def test_every_number_is_its_definition(watched: Any) -> None:
    torch.manual_seed(0)
    weight, gradient = torch.randn(7, 5), torch.randn(7, 5)
    gradient[0] = 0.0
    old = weight.clone()
    sample = step_of(watched, nn.Parameter(weight), gradients=[gradient])
    change = weight - old
    expected = {
        "gradient_norm": gradient.norm(),
        "gradient_max": gradient.abs().max(),
        "gradient_zeros": torch.tensor(1 / 7),
        "weight_norm": weight.norm(),
        "update_norm": change.norm(),
        "update_ratio": change.norm() / weight.norm(),
        "update_gradient_cosine": torch.cosine_similarity(change.flatten(), gradient.flatten(), dim=0),
    }
    for key, value in expected.items():
        assert sample[key] == [pytest.approx(value.item(), rel=1e-4)], key
    assert (sample["gradient_nonfinite"], sample["weight_nonfinite"]) == ([0.0], [0.0])


def test_a_parameter_without_a_gradient_has_none_of_its_numbers(watched: Any) -> None:
    sample = step_of(watched, nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2)), gradients=[None, torch.ones(2)])
    for key in ("gradient_norm", "gradient_max", "gradient_zeros", "update_gradient_cosine", "gradient_nonfinite"):
        assert math.isnan(sample[key][0]), key
        assert not math.isnan(sample[key][1]), key
    assert sample["update_norm"][0] == 0.0


def test_a_frozen_parameter_has_no_update(watched: Any) -> None:
    frozen = nn.Parameter(torch.ones(2), requires_grad=False)
    sample = step_of(watched, frozen, nn.Parameter(torch.ones(2)), gradients=[None, torch.ones(2)])
    assert math.isnan(sample["update_norm"][0])
    assert sample["weight_norm"][0] == pytest.approx(2**0.5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64])
def test_any_precision_is_reduced_in_a_wide_one(watched: Any, dtype: torch.dtype) -> None:
    weight, gradient = torch.full((400,), 300.0, dtype=dtype), torch.full((400,), 300.0, dtype=dtype)
    sample = step_of(watched, nn.Parameter(weight), gradients=[gradient])
    assert sample["gradient_norm"] == [pytest.approx(6000.0, rel=1e-2)], "which half precision cannot hold squared"
    assert sample["update_gradient_cosine"] == [pytest.approx(-1.0, rel=1e-2)]
    assert sample["gradient_nonfinite"] == [0.0]


def test_values_that_are_not_finite_are_counted(watched: Any) -> None:
    weight, gradient = nn.Parameter(torch.ones(4)), torch.tensor([1.0, torch.nan, torch.inf, 0.0])
    sample = step_of(watched, weight, gradients=[gradient])
    assert sample["gradient_nonfinite"] == [2.0]
    assert sample["weight_nonfinite"] == [2.0]


def test_sparse_gradients_count_by_what_they_store(watched: Any) -> None:
    embedding = nn.Embedding(10, 2, sparse=True)
    embedding(torch.tensor([1, 1, 3])).sum().backward()
    gradient = embedding.weight.grad
    assert gradient is not None
    sample = step_of(watched, embedding.weight, gradients=[gradient])
    assert sample["gradient_norm"] == [pytest.approx(gradient.to_dense().norm().item())]
    assert sample["gradient_zeros"] == [pytest.approx(0.8)]
    assert sample["update_norm"] == [pytest.approx(0.1 * gradient.to_dense().norm().item(), rel=1e-4)]


def test_tensors_that_hold_nothing_or_no_reals_are_passed_over(watched: Any) -> None:
    empty = nn.Parameter(torch.empty(0, 3))
    flags = nn.Parameter(torch.ones(3, dtype=torch.int64), requires_grad=False)
    sample = step_of(watched, empty, flags, nn.Parameter(torch.ones(2)), gradients=[None, None, torch.ones(2)])
    assert [math.isnan(value) for value in sample["weight_norm"]] == [True, True, False]


def test_of_a_large_model_a_part_is_copied(watched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_VALUES", 1_000)
    torch.manual_seed(0)
    gradient = torch.randn(100_000)
    sample = step_of(watched, nn.Parameter(torch.zeros(100_000)), gradients=[gradient])
    assert sample["update_norm"] == [pytest.approx(0.1 * gradient.norm().item(), rel=0.1)]
    assert sample["update_gradient_cosine"] == [pytest.approx(-1.0, rel=1e-4)]


def test_successive_gradients_are_compared(watched: Any) -> None:
    weight = nn.Parameter(torch.ones(2))
    with watched(None, [weight]) as step:
        cosines: list[float | None] = []
        for number, gradient in enumerate(([1.0, 0.0], [1.0, 1.0], [-1.0, -1.0], [0.0, 1.0])):
            step.collectors.begin(number if number < 3 else 9)
            weight.grad = torch.tensor(gradient)
            sample = step.update()
            cosines.append(sample.get("gradient_cosine"))
    assert cosines == [None, pytest.approx(0.5**0.5), pytest.approx(-1.0), None], "of neighbouring steps only"


def test_gradients_that_were_not_cleared_are_carried(watched: Any) -> None:
    weight = nn.Parameter(torch.ones(2))
    with watched(None, [weight]) as step:
        shares: list[float] = []
        for clear in (True, False, True):
            if clear:
                weight.grad = None
            step.collectors.tell("before_backward", True)
            (weight * torch.tensor([3.0, 4.0])).sum().backward()
            step.collectors.tell("before_backward", False)
            shares.append(step.update()["gradient_carried"])
    assert shares == [0.0, pytest.approx(0.5), 0.0]


@pytest.mark.parametrize(("clears", "share"), [("none", 0.0), ("zero", 0.0), ("never", 0.5)])
def test_gradients_that_a_program_without_an_optimizer_does_not_clear_are_carried(
    clears: str, share: float, tmp_path: Path
) -> None:
    weight = torch.ones(2, requires_grad=True)
    with RunWriter(tmp_path) as writer, Session(writer):
        for _ in range(2):
            (weight * torch.tensor([3.0, 4.0])).sum().backward()
            with torch.no_grad():
                weight -= 0.01 * weight.grad
            if clears == "none":
                weight.grad = None
            elif clears == "zero":
                weight.grad.zero_()
    with Run.open(tmp_path) as run:
        assert run.series(signals.GRADIENT_CARRIED).values.tolist() == [0.0, pytest.approx(share)]


def test_gradients_of_a_program_without_an_optimizer_are_those_it_took(watched: Any) -> None:
    weight = nn.Parameter(torch.ones(2))
    taken = OwnUpdates([weight])
    backward = Backward((weight.sum(),), (None, False, False, (weight,)), accumulates=False)
    backward.gradients = (torch.tensor([3.0, 4.0]),)
    taken.expect(backward, keep=True)
    with watched(None, [weight]) as step:
        step.view.gradient = taken.gradient
        assert step.update()["gradient_norm"] == [5.0]


def test_an_optimizer_that_measures_itself_is_asked(watched: Any) -> None:
    weight = nn.Parameter(torch.ones(2))
    asked: list[bool] = []

    class Seen:
        def __getattr__(self, name: str) -> Any:
            import numpy as np

            return np.array([False]) if name == "skipped" else np.array([7.0])

    with watched(None, [weight]) as step:
        weight.grad = torch.ones(2)
        step.optimizer.observations = lambda: (asked.append(True), Seen())[1]
        assert step.update()["update_norm"] == [7.0]
    assert asked == [True]


def test_weights_and_gradients_are_left_as_they_were(watched: Any) -> None:
    weight, gradient = torch.randn(5), torch.randn(5)
    parameter = nn.Parameter(weight.clone())
    step_of(watched, parameter, gradients=[gradient.clone()])
    assert parameter.grad is not None
    assert torch.equal(parameter.grad, gradient)
    assert torch.equal(parameter, weight - 0.1 * gradient)


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("frozen", [False, True])
def test_lists_of_alike_tensors_give_the_numbers_of_single_ones(
    watched: Any, monkeypatch: pytest.MonkeyPatch, stride: int, frozen: bool
) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_VALUES", 46 // stride)

    def samples() -> list[dict[str, Any]]:
        torch.manual_seed(0)
        tensors = [nn.Parameter(torch.randn(shape)) for shape in ((4, 5), (5,), (2, 3, 1), (9,), (3, 2))]
        tensors[1].requires_grad_(not frozen)
        with watched(None, tensors) as step:
            taken: list[dict[str, Any]] = []
            for number in range(3):
                step.collectors.begin(number)
                for tensor in tensors:
                    tensor.grad = torch.randn(tensor.shape).relu_() if tensor.requires_grad else None
                tensors[2].grad = None
                tensors[3].grad = torch.zeros(9)
                taken.append(step.update())
        return taken

    together = samples()
    monkeypatch.setattr(module, "are_alike", lambda *groups: False)
    for one, other in zip(together, samples(), strict=True):
        assert list(one) == list(other)
        for key, value in one.items():
            assert value == pytest.approx(other[key], rel=1e-5, abs=1e-7, nan_ok=True), key

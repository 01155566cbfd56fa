from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from unstuck.curvature import Landscape, measure
from unstuck.errors import ArgumentError
from unstuck.preflight import Subject


def about(model: nn.Module, **options: object) -> Landscape:
    batch = torch.randn(8, 4, generator=torch.Generator().manual_seed(1)), torch.zeros(8, 2)
    return Landscape.of(model, nn.functional.mse_loss, [batch], **options)  # type: ignore[arg-type]


def test_model_generators_and_defaults_are_left_alone() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2)).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state, default = torch.get_rng_state(), torch.get_default_dtype()
    batch = torch.randn(8, 4), torch.zeros(8, 2)
    state = torch.get_rng_state()
    measure(model, nn.functional.mse_loss, batch, probes=2, runs=1)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == default
    assert not any(module.training for module in model.modules())
    assert all(p.grad is None for p in model.parameters())


def test_the_penalty_is_part_of_it() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    with Landscape.steady(model):
        plain = about(model)
        with_penalty = about(model, penalty=lambda m: 3.0 * m.weight.square().sum())
        assert with_penalty.loss() == pytest.approx(
            plain.loss() + 3.0 * float(model.weight.detach().double().square().sum())
        )
        vector = torch.zeros(10, dtype=torch.float64)
        vector[0] = 1.0
        change = with_penalty.hessian()(vector) - plain.hessian()(vector)
    assert change[0] == pytest.approx(6.0)


def test_frozen_weights_are_no_directions() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    model[0].requires_grad_(False)
    with Landscape.steady(model):
        landscape = about(model)
    assert list(landscape.leaves) == ["1.weight", "1.bias"]
    assert landscape.size == 8


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(checkpoint(lambda v: torch.tanh(self.first(v)), x, use_reentrant=False))


def test_checkpoints_have_the_curvature_of_the_model_without() -> None:
    torch.manual_seed(0)
    model = Checkpointed()
    plain = nn.Sequential(model.first, nn.Tanh(), model.second)
    vector = torch.randn(37, dtype=torch.float64)
    with Landscape.steady(model):
        torch.testing.assert_close(about(model).hessian()(vector), about(plain).hessian()(vector))


class Single(nn.Linear):
    """Insists on single precision."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype != torch.float32:
            raise TypeError("float32 alone")
        return super().forward(x)


def test_a_model_of_single_precision_is_measured_in_that() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(30, 4), torch.randn(30, 2)
    model = Single(4, 2)
    found = measure(model, nn.functional.mse_loss, (x, y), probes=2, runs=1)
    exact = measure(nn.Linear(4, 2), nn.functional.mse_loss, (x, y), probes=2, runs=1)
    assert any("float64" in note for note in found.notes)
    assert not found.point.precise
    assert found.largest[0].value == pytest.approx(exact.largest[0].value, rel=1e-4)


def test_what_is_no_batch_is_refused() -> None:
    with pytest.raises(ArgumentError, match="batches"):
        Subject.of(nn.Linear(1, 1), nn.functional.mse_loss, [1])

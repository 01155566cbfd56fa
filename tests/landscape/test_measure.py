"""Lines and planes through models whose loss is known."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unstuck
from unstuck.errors import ArgumentError
from unstuck.landscape import line, plane

MSE = nn.functional.mse_loss


class Weights(nn.Module):
    """The outputs are the weights: the loss is their squared distance from the targets."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([list(values)]))

    def forward(self, x: Tensor) -> Tensor:
        return self.w.expand(len(x), -1)


def at(*values: float) -> dict[str, Tensor]:
    return {"w": torch.tensor([list(values)])}


BATCH = (torch.zeros(4, 3), torch.zeros(4, 3))
PATH = [at(3.0, 0.0, 0.0), at(1.0, 2.0, 0.0), at(0.5, 1.0, 0.1), at(0.0, 1.0, 0.0)]


def test_the_plane_of_a_path_is_the_loss_there():
    found = plane(Weights(1.0, 1.0, 1.0), MSE, BATCH, path=PATH, points=21)
    path = found.path
    assert path is not None
    np.testing.assert_allclose(path.losses, [3.0, 5 / 3, 1.26 / 3, 1 / 3], rtol=1e-6)
    beneath = [(3 * loss - off**2) / 3 for loss, off in zip(path.losses, path.off, strict=True)]
    assert path.off[2] > 0.05
    np.testing.assert_allclose(path.beneath[-1], beneath[-1], rtol=1e-5)
    assert found.centre == pytest.approx(1 / 3)
    assert found.explained is not None
    assert sum(found.explained) == pytest.approx(1.0, abs=0.01)
    assert found.x[0] < path.coordinates[:, 0].min() < path.coordinates[:, 0].max() < found.x[-1]
    assert "explains" in found.caption
    assert "distance" in found.axes[0]


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))
    before, mode = copy.deepcopy(model.state_dict()), model.training
    state = torch.get_rng_state()
    found = plane(model.eval(), MSE, (torch.randn(16, 3), torch.randn(16, 3)), points=5)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (model.training, mode) == (False, True)
    assert torch.equal(torch.get_rng_state()[:8], state[:8])
    assert "batch normalisation by the batch" in found.caption


def test_it_is_the_same_each_time():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3))
    batch = (torch.randn(16, 3), torch.randn(16, 3))
    first, second = (plane(model, MSE, batch, points=7, seed=3).losses for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, plane(model, MSE, batch, points=7, seed=4).losses)


def test_double_models_are_computed_in_double():
    model = Weights(1.0, 1.0, 1.0).double()
    batch = (torch.zeros(4, 3, dtype=torch.float64), torch.zeros(4, 3, dtype=torch.float64))
    found = line(model, MSE, batch, start=at(0.0, 0.0, 0.0), points=7)
    assert found.losses[3] == pytest.approx(1.0 / 3 * 0 + 0.25, abs=1e-15)


def test_a_line_and_its_barrier():
    class Bump(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            return x * torch.sin(self.w)

    batch = (torch.ones(4, 1), torch.zeros(4, 1))
    found = line(Bump(), MSE, batch, start={"w": torch.zeros(1)}, end={"w": torch.full((1,), torch.pi)}, points=25)
    assert found.distance == pytest.approx(np.pi)
    assert found.barrier == pytest.approx(1.0, abs=1e-4)
    assert "rises 1 above" in found.caption
    downhill = line(Weights(0.0, 0.0, 0.0), MSE, BATCH, start=at(1.0, 0.0, 0.0), points=9)
    assert downhill.barrier == 0.0
    assert downhill.ends == (pytest.approx(1 / 3), 0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": [at(1.0, 1.0, 1.0)] * 3}, "identical"),
        ({"path": [at(1.0, 1.0, 1.0), at(2.0, 1.0, 1.0)]}, "on one line"),
        ({"path": [{}, {}, {}]}, "w is missing"),
        ({"path": [at(1.0), at(2.0), at(3.0)]}, r"w has shape \(1, 1\)"),
        ({"path": [at(1.0, 1.0, float("nan"))] * 3}, "NaN"),
        ({"points": 2}, "points=2: 3 to 501"),
        ({"points": 1000}, "points=1000: 3 to 501"),
        ({"reach": 0.0}, "reach=0.0"),
        ({"examples": 0}, "examples=0"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ArgumentError, match=message):
        plane(Weights(1.0, 1.0, 1.0), MSE, BATCH, **change)


def test_a_line_through_identical_points_is_refused():
    with pytest.raises(ArgumentError, match="the same weights"):
        line(Weights(1.0, 1.0, 1.0), MSE, BATCH, start=at(1.0, 1.0, 1.0))


@pytest.mark.parametrize("value", [float("nan"), "raises"])
def test_a_loss_that_is_nan_or_raises_at_the_weights_is_refused(value):
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        if value == "raises":
            raise RuntimeError("no such loss")
        return outputs.sum() * value

    with pytest.raises(ArgumentError, match="no such loss" if value == "raises" else "nan"):
        plane(Weights(1.0, 1.0, 1.0), loss, BATCH, points=3)


def test_it_is_part_of_the_package():
    assert unstuck.landscape.plane is plane

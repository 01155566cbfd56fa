"""Losses at many points against the model itself, in every way of evaluating them."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unstuck.curvature import Landscape
from unstuck.gradcheck.steady import steady
from unstuck.landscape import Evaluator, evaluate, filter_directions


class Viewing(nn.Module):
    """Flattens by ``view``, which pictures with the channels last do not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(144, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.head(x.view(len(x), -1))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(6, 6)
        self.two = nn.Linear(6, 6)
        self.two.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.two(torch.tanh(self.one(x)))


class Branching(nn.Module):
    """Looks at a number, which ``vmap`` does not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.linear(x)
        return out if float(out.detach().sum()) > 0 else out.abs()


def image_model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), (4,), 3),
    "cnn": (image_model, (3, 8, 8), 3),
    "batch norm": (lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)), (4,), 3),
    "viewing": (Viewing, (3, 8, 8), 3),
    "tied": (Tied, (6,), 6),
    "branching": (Branching, (4,), 3),
    "dropout": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)), (4,), 3),
}


def direct(model, directions, point, batches):
    twin = copy.deepcopy(model).train()
    for module in twin.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            for c, direction in zip(point, directions, strict=True):
                parameter += float(c) * direction[name]
        return sum(float(nn.functional.cross_entropy(twin(x), y)) * len(y) for x, y in batches) / sum(
            len(y) for _, y in batches
        )


@pytest.mark.parametrize("together", [0, evaluate.TOGETHER], ids=["one by one", "together"])
@pytest.mark.parametrize("name", MODELS)
def test_against_the_model_itself(name, together, monkeypatch):
    monkeypatch.setattr(evaluate, "TOGETHER", together)
    make, shape, classes = MODELS[name]
    torch.manual_seed(0)
    model = make()
    batches = [(torch.randn(n, *shape), torch.randint(classes, (n,))) for n in (16, 16, 8)]
    points = np.random.default_rng(0).uniform(-1, 1, (9, 2))
    with steady(None):
        place = Landscape.of(copy.deepcopy(model), nn.functional.cross_entropy, batches, dtype=torch.float32)
        directions = filter_directions(place)
        origin = {name: leaf.detach() for name, leaf in place.leaves.items()}
        evaluator = Evaluator(landscape=place, origin=origin, directions=directions)
        found = evaluator.losses(points)
    expected = [direct(model, directions, point, batches) for point in points]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert evaluator.how.startswith("by vmap" if together and name != "branching" else "one by one")


def evaluator_of(model, loss=nn.functional.mse_loss, x=None, y=None) -> Evaluator:
    x = torch.ones(8, 1) if x is None else x
    place = Landscape.of(model, loss, [(x, torch.ones(8, 1) if y is None else y)], dtype=torch.float32)
    origin = {name: leaf.detach() for name, leaf in place.leaves.items()}
    return Evaluator(landscape=place, origin=origin, directions=[{n: torch.ones_like(w) for n, w in origin.items()}])


class Root(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0]))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.w.sqrt()


def test_nan_leaves_a_gap():
    found = evaluator_of(Root()).losses(np.array([[0.0], [-2.0], [3.0]]))
    assert [math.isnan(value) for value in found] == [False, True, False]


def test_what_is_raised_is_said_and_leaves_a_gap():
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy(outputs, targets)

    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 0.5)
    evaluator = evaluator_of(model, loss)
    found = evaluator.losses(np.array([[0.0], [3.0], [0.25]]))
    assert [math.isnan(value) for value in found] == [False, True, False]
    assert "between 0 and 1" in evaluator.refused


class Noisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + torch.randn_like(x)


def test_random_numbers_are_the_same_at_each_point():
    evaluator = evaluator_of(Noisy())
    found = evaluator.losses(np.zeros((6, 1)))
    assert evaluator.draws
    assert len(set(found.tolist())) == 1


def test_progress_is_told():
    class Told:
        def __init__(self) -> None:
            self.points, self.done, self.over = 0, 0, False

        def begin(self, points: int, seconds: float) -> None:
            assert seconds > 0
            self.points = points

        def advance(self, points: int) -> None:
            self.done += points

        def end(self) -> None:
            self.over = True

    told = Told()
    evaluator_of(nn.Linear(1, 1)).losses(np.zeros((7, 1)), told)
    assert (told.points, told.done, told.over) == (7, 7, True)

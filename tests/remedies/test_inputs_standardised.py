from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import mlp, recorded, rings
from unstuck.learning import Learning
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.inputs_standardised import InputsStandardised

STANDARD = Change(remedy="inputs-standardised")
AT_MODEL = Change(remedy="inputs-standardised", settings={"at": "model"})


def train(scale: Callable[[torch.Tensor], torch.Tensor], *, steps: int = 100) -> nn.Module:
    inputs, classes = rings()
    inputs = scale(inputs)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("scale", [lambda x: 1e4 * x + 3e4, lambda x: x / 255.0 / 255.0])
def test_learning_is_restored(scale: Callable[[torch.Tensor], torch.Tensor], tmp_path: Path) -> None:
    remedy = InputsStandardised()
    with recorded(tmp_path / "sick", lambda: train(scale)) as run:
        assert not Learning.of(run).remaining < 0.9
        assert list(remedy.candidates(run, None)) == [STANDARD, AT_MODEL]
        assert remedy.words(STANDARD, run) == "with the inputs standardised"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(scale), STANDARD) as run:
        assert Learning.of(run).remaining < 0.7


def test_inputs_of_size_one_are_left_alone(tmp_path: Path) -> None:
    with recorded(tmp_path, lambda: train(lambda x: x)) as run:
        assert InputsStandardised().candidates(run, None) == ()


def given_to(layer: nn.Module, *batches: torch.Tensor) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    handle = layer.register_forward_pre_hook(lambda module, args: found.append(args[0]))
    with applied(STANDARD):
        for batch in batches:
            layer(batch)
        assert changed()
        with torch.no_grad():
            layer(batches[0])
    handle.remove()
    return found


@pytest.mark.parametrize(
    ("layer", "shape", "axis"),
    [
        (nn.Linear(3, 2), (600, 3), 1),
        (nn.Conv2d(3, 2, 3), (40, 3, 6, 6), 1),
        (nn.Conv1d(3, 2, 3), (200, 3, 9), 1),
        (nn.GRU(3, 2, batch_first=True), (90, 7, 3), 2),
    ],
)
def test_each_feature_gets_mean_zero_and_deviation_one(layer: nn.Module, shape: tuple[int, ...], axis: int) -> None:
    torch.manual_seed(0)
    sizes = torch.tensor([1e-3, 1.0, 1e5])
    spread = [1] * len(shape)
    spread[axis] = 3
    batch = torch.randn(shape) * sizes.reshape(spread) + 5.0 * sizes.reshape(spread)
    others = [other for other in range(len(shape)) if other != axis]
    for given in given_to(layer, batch):
        assert torch.allclose(given.mean(others), torch.zeros(3), atol=1e-3)
        assert torch.allclose(given.std(others), torch.ones(3), atol=2e-2)


def test_a_feature_that_is_constant_becomes_zero_and_later_values_stay_bounded() -> None:
    constant = torch.cat([torch.full((600, 1), 7.0), torch.randn(600, 1)], dim=1)
    later = torch.cat([torch.full((600, 1), 1e6), torch.randn(600, 1)], dim=1)
    first, second, _ = given_to(nn.Linear(2, 2), constant, later)
    assert torch.equal(first[:, 0], torch.zeros(600))
    assert second.abs().max() <= 10.0


def test_hidden_values_and_evaluations_before_the_training_stay() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    given: list[torch.Tensor] = []
    model[2].register_forward_pre_hook(lambda module, args: given.append(args[0]))
    x = torch.tensor([[100.0, 200.0], [300.0, 400.0]])
    with applied(STANDARD):
        with torch.no_grad():
            assert torch.equal(model(x), model(x))
            assert not changed()
            expected = model[1](model[0](x))
        assert torch.equal(given[0], expected)
        model(x)
        assert changed()
        assert given[-1].min() >= 0.0


def test_what_the_model_joins_to_what_it_has_learnt_is_scaled_as_it_enters() -> None:
    class Tabular(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kinds, self.last = nn.Embedding(3, 2), nn.Linear(4, 1)

        def forward(self, x: torch.Tensor, kind: torch.Tensor) -> torch.Tensor:
            return self.last(torch.cat([x, self.kinds(kind)], dim=1))

    model, given = Tabular(), list[torch.Tensor]()
    model.last.register_forward_pre_hook(lambda module, args: given.append(args[0].detach()))
    x = 1e4 * torch.randn(600, 2)
    for change, scaled in ((STANDARD, False), (AT_MODEL, True)):
        with applied(change):
            model(x, torch.arange(600) % 3)
        assert changed() is scaled
    assert given[0][:, :2].std() > 1e3
    assert given[1][:, :2].std() == pytest.approx(1.0, abs=0.05)

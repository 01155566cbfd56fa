from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe import Observer
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import FirstCurvature, Loss, LossOutput, Model, Optimizer, Parameter, ParameterGroup, Passes
from unstuck.rules.stable_rate import rounded_down, stable_rate
from unstuck.testing.rules import record

CURVED = FirstCurvature(along_gradient=10.0)


def of(kind: str, **constants: float) -> Optimizer:
    return Optimizer(type=kind, groups=(ParameterGroup(parameters=1, learning_rate=1.0, **constants),))  # type: ignore[arg-type]


def model(*shapes: tuple[int, ...], role: str = "weight", fresh: bool | None = True) -> Model:
    parameters = (Parameter(name=str(i), shape=s, role=role, fresh=fresh) for i, s in enumerate(shapes))  # type: ignore[arg-type]
    return Model(type="Net", parameters=tuple(parameters))


def rate(folder: Path, *facts: object) -> float | None:
    with record(folder, facts=facts) as run:  # type: ignore[arg-type]
        found = stable_rate(run)
    return None if found is None else found.rate


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([of("SGD")], 0.02),
        ([of("SGD", momentum=0.9)], 0.002),
        ([of("SGD"), Loss(function="mse_loss", output=LossOutput(shape=(8, 1)))], 0.05),
        ([of("SGD"), model((4,), role="norm")], 0.1),
        ([of("SGD"), Passes(updates=10, forward=40, backward=40)], 0.005),
    ],
    ids=["plain", "momentum", "squared", "normalised", "accumulated"],
)
def test_descent_is_bounded_by_the_curvature(tmp_path: Path, facts: list[object], expected: float) -> None:
    assert rate(tmp_path, CURVED, *facts) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["Adam", "AdamW", "NAdam", "RMSprop"])
def test_adam_is_bounded_by_the_inputs_of_its_largest_unit(tmp_path: Path, kind: str) -> None:
    assert rate(tmp_path, CURVED, of(kind), model((16, 8, 3, 3), (10, 50))) == pytest.approx(1 / 72)


@pytest.mark.parametrize(("kind", "expected"), [("Muon", 0.02), ("Lion8bit", 1e-4), ("Prodigy", 1.0)])
def test_methods_with_a_scale_of_their_own_bear_their_usual_rate(tmp_path: Path, kind: str, expected: float) -> None:
    assert rate(tmp_path, CURVED, of(kind), model((10, 50))) == expected


def test_learnt_weights_and_other_methods_get_no_number(tmp_path: Path) -> None:
    assert rate(tmp_path / "learnt", of("Adam"), model((10, 50), fresh=False)) is None
    assert rate(tmp_path / "table", of("Adam"), model((1000, 50), role="embedding")) is None
    assert rate(tmp_path / "other", CURVED, of("Rprop"), model((10, 50))) is None


def test_without_a_curvature_the_first_step_tells(tmp_path: Path) -> None:
    names = {signals.UPDATE_RATIO: {"weight": [0.2, 50.0]}, signals.LEARNING_RATE: {"0": [3.0, 3.0]}}
    with record(tmp_path, facts=[of("SGD")], tables=names) as run:
        found = stable_rate(run)
    assert found is not None
    assert found.rate == pytest.approx(0.3)


@pytest.mark.parametrize(("exact", "rounded"), [(0.0156, 0.01), (0.68, 0.6), (0.2, 0.2), (1e-5, 1e-5), (0.3, 0.3)])
def test_rates_are_rounded_down_to_one_digit(exact: float, rounded: float) -> None:
    assert rounded_down(exact) == rounded


class Bowl(nn.Module):
    """A quadratic with eigenvalues that are known."""

    def __init__(self, greatest: float) -> None:
        super().__init__()
        self.eigenvalues = torch.tensor([[greatest, greatest / 10]])
        self.weight = nn.Parameter(torch.ones(1, 2))

    def forward(self, ones: Tensor) -> Tensor:
        """Half the sum of squares, weighted by the eigenvalues."""
        return (ones * self.eigenvalues / 2 * self.weight**2).sum(dim=1)


def descend(folder: Path, greatest: float, lr: float, momentum: float) -> tuple[float, float]:
    """The rate that a training's first step bears, and the loss at the end of it."""
    bowl = Bowl(greatest)
    optimizer = torch.optim.SGD(bowl.parameters(), lr=lr, momentum=momentum)
    loss = torch.zeros(())
    with RunWriter(folder) as writer, Observer(bowl, optimizer, writer):
        for _ in range(60):
            optimizer.zero_grad()
            loss = bowl(torch.ones(1, 2)).sum()
            loss.backward()
            optimizer.step()
    with Run.open(folder) as run:
        found = stable_rate(run)
    assert found is not None
    return found.rate, loss.item()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("greatest", [1e-3, 1.0, 400.0])
@pytest.mark.parametrize("off", [1e-3, 10.0, 1000.0])
def test_on_a_quadratic_it_is_stable_and_not_far_below_the_limit(
    tmp_path: Path, greatest: float, off: float, momentum: float
) -> None:
    limit = 2.0 * (1.0 - momentum) / greatest
    advised, _ = descend(tmp_path / "wrong", greatest, off * limit, momentum)
    assert limit / 20 < advised < limit / 2
    _, end = descend(tmp_path / "right", greatest, advised, momentum)
    assert end < 0.3 * 0.55 * greatest, "the start is at 0.55 times the greatest eigenvalue"

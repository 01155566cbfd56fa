"""Whether dropouts that follow no module's mode are at work in evaluations, as seen in whole trainings."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Observer
from unstuck.record import Run, RunWriter
from unstuck.record.facts import FunctionalDropout


class Net(nn.Module):
    """A small classifier; subclasses say how it drops values."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, 3)
        self.registered = nn.Dropout(0.2)

    def drop(self, x: Tensor) -> Tensor:
        return self.registered(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(F.relu(self.first(x))))


class ByDefault(Net):
    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.2)


class OnTheSpot(Net):
    def drop(self, x: Tensor) -> Tensor:
        return nn.Dropout(0.2)(x)


class Attention(Net):
    def drop(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], dropout_p=0.1)[:, 0]


class ByMode(Net):
    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.2, self.training)


class OnPurpose(Net):
    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.2, training=True)


def observed(folder: Path, model: Net, *, evaluating: bool = True, epochs: int = 3) -> FunctionalDropout | None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(32, 6), torch.randint(3, (32,))
    with RunWriter(folder) as writer, Observer(model, optimizer, writer) as observer:
        for _ in range(epochs):
            model.train()
            for rows in torch.arange(32).split(8):
                optimizer.zero_grad()
                F.cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()
            model.train(not evaluating)
            with torch.no_grad():
                F.cross_entropy(model(torch.randn(16, 6)), y[:16])
    assert observer.failure is None
    with Run.open(folder) as run:
        return run.fact(FunctionalDropout)


@pytest.mark.parametrize("kind", [ByDefault, OnTheSpot, Attention])
def test_what_the_mode_does_not_reach_is_at_work(tmp_path: Path, kind: type[Net]) -> None:
    fact = observed(tmp_path, kind())
    assert fact is not None
    assert (fact.at_work_in_evaluation, fact.at_work_in_training, fact.idle, fact.told) == (3, 0, 0, False)
    assert fact.file == __file__


def test_what_follows_the_mode_is_idle(tmp_path: Path) -> None:
    fact = observed(tmp_path, ByMode())
    assert fact is not None
    assert (fact.at_work_in_evaluation, fact.idle) == (0, 3)


def test_what_follows_a_mode_that_is_never_left_is_at_work(tmp_path: Path) -> None:
    fact = observed(tmp_path, ByMode(), evaluating=False)
    assert fact is not None
    assert (fact.at_work_in_evaluation, fact.at_work_in_training, fact.idle) == (0, 3, 0)


def test_what_is_told_to_drop_says_so(tmp_path: Path) -> None:
    fact = observed(tmp_path, OnPurpose())
    assert fact is not None
    assert fact.told


def test_a_registered_dropout_has_a_mode_of_its_own(tmp_path: Path) -> None:
    assert observed(tmp_path, Net()) is None


def test_evaluations_after_steps_that_are_not_sampled_are_seen_too(tmp_path: Path) -> None:
    fact = observed(tmp_path, ByDefault(), epochs=40)
    assert fact is not None
    assert fact.at_work_in_evaluation > 20
    assert fact.idle == 0

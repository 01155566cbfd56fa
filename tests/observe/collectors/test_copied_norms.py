"""Copies of a model are evaluated by statistics of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe import Session
from unstuck.observe.collectors.copied_norms import CopiedNorms
from unstuck.record import Run, RunWriter, facts


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))


def follow(average: nn.Module, model: nn.Module, *, buffers: bool) -> None:
    """Take a step of an average of the weights, or of all that a model holds."""
    with torch.no_grad():
        pairs = zip(average.parameters(), model.parameters(), strict=True)
        for one, other in pairs:
            one.lerp_(other, 0.3)
        if buffers:
            for one, other in zip(average.buffers(), model.buffers(), strict=True):
                one.copy_(other)


def program(*, buffers: bool, inside: bool) -> Callable[[], None]:
    """Train a model beside an average of it that is evaluated, in a function that makes the optimizer or in one."""

    def train(model: nn.Module, average: nn.Module) -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(12):
            optimizer.zero_grad()
            functional.cross_entropy(model(torch.randn(16, 4)), torch.randint(3, (16,))).backward()
            optimizer.step()
            follow(average, model, buffers=buffers)
        if inside:
            evaluate(average)

    @torch.no_grad()
    def evaluate(average: nn.Module) -> Tensor:
        return average.eval()(torch.randn(8, 4))

    def run() -> None:
        model = net()
        average = copy.deepcopy(model).requires_grad_(False)
        train(model, average)
        evaluate(average)

    return run


def told(folder: Path, run: Callable[[], None]) -> list[facts.StaleCopy]:
    with RunWriter(folder) as writer, Session(writer, budget=1.0) as session:
        run()
    assert session.failure is None
    return list(Run.open(folder).facts(facts.StaleCopy))


@pytest.mark.parametrize("inside", [True, False])
def test_an_average_without_its_buffers_is_told_once(tmp_path: Path, inside: bool) -> None:
    (fact,) = told(tmp_path, program(buffers=False, inside=inside))
    assert (fact.as_made, fact.norms, fact.step, fact.file) == (True, 1, 12, __file__)


@pytest.mark.parametrize("inside", [True, False])
def test_one_with_its_buffers_is_fine(tmp_path: Path, inside: bool) -> None:
    assert not told(tmp_path, program(buffers=True, inside=inside))


def test_statistics_that_stay_what_they_were_are_seen_by_the_weights_that_move() -> None:
    model = net()
    model(torch.randn(16, 4))
    average, known = copy.deepcopy(model).eval(), CopiedNorms()
    assert known.evaluated(average, step=1) is None
    assert known.evaluated(average, step=2) is None, "nothing of it has moved"
    with torch.no_grad():
        average[1].bias.add_(0.1)
    fact = known.evaluated(average, step=3)
    assert fact is not None
    assert not fact.as_made
    assert known.evaluated(average, step=4) is None, "once is enough"


def test_a_model_that_nobody_has_trained_is_none() -> None:
    assert CopiedNorms().evaluated(net().eval(), step=5) is None

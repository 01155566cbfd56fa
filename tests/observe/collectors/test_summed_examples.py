"""Sums over the batch that are added to the loss of each example are seen, and where they are taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe import Session
from unstuck.record import Run, RunWriter
from unstuck.record.facts import SummedExamples

Loss = Callable[[nn.Module, Tensor], Tensor]


def seen(folder: Path, loss: Loss) -> tuple[SummedExamples, ...]:
    torch.manual_seed(0)
    with RunWriter(folder) as writer, Session(writer, budget=1.0):
        model = nn.Linear(3, 4)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
        for _ in range(4):
            optimizer.zero_grad()
            loss(model, model(torch.randn(16, 3))).backward()
            optimizer.step()
    with Run.open(folder) as run:
        return run.facts(SummedExamples)


@pytest.mark.parametrize(
    ("loss", "weight"),
    [
        (lambda model, out: -(out.square().sum(1) + (0 + out.sum() + out.tanh().sum())).mean(), 16.0),
        (lambda model, out: (out.square().mean(1) - 0.5 * (1.0 + out).sum()).mean(), 8.0),
        (lambda model, out: (out.square().mean(1) + out.sum() / len(out)).sum() / 16, 1.0),
    ],
    ids=["in parts", "weighted", "divided"],
)
def test_its_weight_is_that_in_the_mean(tmp_path: Path, loss: Loss, weight: float) -> None:
    facts = seen(tmp_path, loss)
    assert facts[0].examples == 16
    assert {fact.weight for fact in facts} == {weight}
    assert {fact.file for fact in facts} == {__file__}


@pytest.mark.parametrize(
    "loss",
    [
        lambda model, out: (out.square().sum(1) + out.sum(1)).mean(),
        lambda model, out: out.square().mean() + out.sum(),
        lambda model, out: (out.square().mean(1) + model.weight.repeat(4, 1).sum()).mean(),
        lambda model, out: (out.square().mean(1) + out.mean()).mean(),
        lambda model, out: (out.square().mean(1) + out[:4].sum()).mean(),
    ],
    ids=["of each", "beside the mean", "of weights", "a mean", "of some"],
)
def test_other_sums_are_passed_over(tmp_path: Path, loss: Loss) -> None:
    assert not seen(tmp_path, loss)

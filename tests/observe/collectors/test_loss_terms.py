from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Session
from unstuck.record import Run, RunWriter
from unstuck.record.facts import LossTerms

INPUTS, TARGETS = torch.ones(4, 3), torch.full((4, 2), 9.0)


def looks(folder: Path, loss: Callable[[nn.Module, Tensor], Tensor], *, steps: int = 3) -> tuple[LossTerms, ...]:
    torch.manual_seed(0)
    with RunWriter(folder) as writer, Session(writer, budget=1.0):
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(model, model(INPUTS)).backward()
            optimizer.step()
    with Run.open(folder) as run:
        return run.facts(LossTerms)


def penalised(model: nn.Module, output: Tensor) -> Tensor:
    penalty = sum(p.square().sum() for p in model.parameters())
    return F.mse_loss(output, TARGETS) + 0.01 * penalty


def in_place(model: nn.Module, output: Tensor) -> Tensor:
    loss = F.mse_loss(output, TARGETS)
    loss += 3.0 * output.abs().mean()
    return loss


def subtracted(model: nn.Module, output: Tensor) -> Tensor:
    return F.mse_loss(output, TARGETS) - 0.5 * output.std() + 7.0


@pytest.mark.parametrize(
    ("loss", "factor", "operation"), [(penalised, 0.01, "add"), (in_place, 3.0, "mean"), (subtracted, 0.5, "std")]
)
def test_terms_are_seen_alone_and_as_they_are_added(
    tmp_path: Path, loss: Callable[[nn.Module, Tensor], Tensor], factor: float, operation: str
) -> None:
    found = looks(tmp_path, loss)
    assert [look.step for look in found] == [0, 1, 2]
    task, *others = found[0].terms
    assert (task.function, task.file) == ("mse_loss", __file__)
    assert task.weighted == pytest.approx(task.value)
    assert {term.operation for term in others} == {operation}
    for term in others:
        assert abs(term.weighted) == pytest.approx(factor * abs(term.value), rel=1e-5)


def test_a_loss_of_one_term_is_none(tmp_path: Path) -> None:
    assert looks(tmp_path, lambda model, output: 2.0 * F.mse_loss(output, TARGETS)) == ()


def test_terms_of_one_line_are_one(tmp_path: Path) -> None:
    def steps(model: nn.Module, output: Tensor) -> Tensor:
        total = F.mse_loss(output, TARGETS)
        for row in range(4):
            total = total + output[row].square().mean()
        return total

    (task, rows) = looks(tmp_path, steps)[0].terms
    assert task.function == "mse_loss"
    assert rows.value > 0.0
    assert rows.operation == "mean"

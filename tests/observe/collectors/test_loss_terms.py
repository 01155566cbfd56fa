from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Session
from unstuck.observe.collectors import loss_terms
from unstuck.observe.collectors.view import View
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.user_code.model_roots import Roots
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


def averaged(model: nn.Module, output: Tensor) -> Tensor:
    return F.mse_loss(output, TARGETS) + 0.5 * output.square().sum(dim=1).mean()


def quartered(model: nn.Module, output: Tensor) -> Tensor:
    return F.mse_loss(output, TARGETS) + output.square().sum() / 4


def test_what_a_term_adds_up_is_seen(tmp_path: Path) -> None:
    each = looks(tmp_path / "each", averaged)[0].terms[1]
    assert (each.shape, each.summed, each.share) == ((4, 2), 2, 0.25)
    whole = looks(tmp_path / "whole", quartered)[0].terms[1]
    assert (whole.shape, whole.summed, whole.share) == ((4, 2), 8, 1.0)
    assert whole.weighted == pytest.approx(whole.value / 4)


def unreduced(model: nn.Module, output: Tensor) -> Tensor:
    each = F.mse_loss(output, TARGETS, reduction="none")
    return each.mean() + output.abs().mean()


def test_the_mean_of_the_elements_of_a_loss_is_that_loss(tmp_path: Path) -> None:
    error, other = looks(tmp_path, unreduced)[0].terms
    assert (error.function, error.operation, other.function) == ("mse_loss", "mean", "")
    assert (error.shape, error.summed, error.share) == ((4, 2), 1, 0.125)
    assert error.line == unreduced.__code__.co_firstlineno + 1


def test_where_samples_are_rare_the_last_ones_are_looked_at() -> None:
    model = nn.Linear(3, 2)
    view = View(roots=Roots(torch.optim.SGD(model.parameters(), lr=0.1)))
    collector = loss_terms.LossTerms(view)
    looked: list[int] = []
    for step in (0, 1, 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 94, 141):
        view.begin(step)
        if view.apart:
            looked.append(step)
        collector.after_backward(Backward((model.weight.sum(),), (), accumulates=False))
    assert looked[-4:] == [42, 63, 94, 141]

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
        collector.update(None)
    assert looked[-4:] == [42, 63, 94, 141]


def by_example(model: nn.Module, output: Tensor) -> Tensor:
    error = F.mse_loss(output, TARGETS, reduction="none").sum(dim=1)
    spread = 0.5 * output.exp().sum(dim=1)
    return 2.0 * (error + spread).mean()


def test_tensors_that_are_added_before_the_mean_are_terms_each(tmp_path: Path) -> None:
    error, spread = looks(tmp_path, by_example)[0].terms
    model = nn.Linear(3, 2)
    torch.manual_seed(0)
    model.reset_parameters()
    output = model(INPUTS).detach()
    assert (error.function, error.line) == ("mse_loss", by_example.__code__.co_firstlineno + 1)
    assert (error.shape, error.summed, error.share) == ((4, 2), 2, 0.25)
    assert error.value == pytest.approx(float((output - TARGETS).square().sum(1).mean()), rel=1e-4)
    assert error.weighted == pytest.approx(2.0 * error.value)
    assert (spread.function, spread.operation, spread.shape, spread.summed) == ("", "sum", (4, 2), 2)
    assert spread.value == pytest.approx(float(output.exp().sum(1).mean()), rel=1e-4)
    assert spread.weighted == pytest.approx(spread.value)


def broadcast(model: nn.Module, output: Tensor) -> Tensor:
    return (F.mse_loss(output, TARGETS, reduction="none") + model.weight.abs().sum() + output.mean(dim=0)).sum() / 4


def test_what_is_broadcast_in_such_a_sum_counts_as_often(tmp_path: Path) -> None:
    error, penalty, level = looks(tmp_path, broadcast)[0].terms
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    assert penalty.weighted == pytest.approx(2.0 * float(model.weight.detach().abs().sum()), rel=1e-4)
    assert level.weighted == pytest.approx(float(model(INPUTS).detach().mean(0).sum()), rel=1e-4)
    assert error.function == "mse_loss"


def masked(model: nn.Module, output: Tensor) -> Tensor:
    each = F.mse_loss(output, TARGETS, reduction="none") + output.exp()
    return (each * torch.tensor([[1.0], [0.0], [1.0], [1.0]])).mean() + output.abs().mean()


def picked(model: nn.Module, output: Tensor) -> Tensor:
    each = F.mse_loss(output, TARGETS, reduction="none") + output * torch.arange(8.0).view(4, 2)
    return each[1:].mean() + output.abs().mean()


def changed(model: nn.Module, output: Tensor) -> Tensor:
    each = F.mse_loss(output, TARGETS, reduction="none")
    total = each + output.exp()
    each.detach().mul_(3.0)
    return total.mean() + output.abs().mean()


@pytest.mark.parametrize("loss", [masked, picked, changed])
def test_what_is_no_plain_sum_of_tensors_is_one_term(
    tmp_path: Path, loss: Callable[[nn.Module, Tensor], Tensor]
) -> None:
    assert [term.operation for term in looks(tmp_path, loss)[0].terms] == ["mean", "mean"]


def passes(folder: Path, *losses: Callable[[nn.Module, Tensor], Tensor], clear: bool = False) -> tuple[LossTerms, ...]:
    """What is seen where each loss has a backward pass of its own."""
    torch.manual_seed(0)
    with RunWriter(folder) as writer, Session(writer, budget=1.0):
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        for _ in range(3):
            each = [loss(model, model(INPUTS)) for loss in losses]
            for loss in each:
                if clear:
                    optimizer.zero_grad()
                loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    with Run.open(folder) as run:
        return run.facts(LossTerms)


def of_squares(model: nn.Module, output: Tensor) -> Tensor:
    return F.mse_loss(output, TARGETS)


def of_distances(model: nn.Module, output: Tensor) -> Tensor:
    return 3.0 * F.l1_loss(output, TARGETS)


def test_losses_with_a_backward_pass_each_are_terms_of_the_step(tmp_path: Path) -> None:
    found = passes(tmp_path, of_squares, of_distances)
    assert [look.step for look in found] == [0, 1, 2]
    squares, distances = found[0].terms
    assert (squares.function, distances.function) == ("mse_loss", "l1_loss")
    assert squares.weighted == pytest.approx(squares.value)
    assert distances.weighted == pytest.approx(3.0 * distances.value)


def test_micro_batches_of_one_loss_are_no_terms(tmp_path: Path) -> None:
    assert passes(tmp_path, *[of_squares] * 12) == ()


def test_terms_of_micro_batches_are_added_up_and_their_values_are_means(tmp_path: Path) -> None:
    (once, *_), (thrice, *_) = (passes(tmp_path / str(n), *[penalised] * n) for n in (1, 3))
    for one, three in zip(once.terms, thrice.terms, strict=True):
        assert three.value == pytest.approx(one.value)
        assert three.weighted == pytest.approx(3.0 * one.weighted)


def test_a_pass_whose_gradients_are_cleared_is_no_term(tmp_path: Path) -> None:
    assert passes(tmp_path / "a", of_squares, of_distances, clear=True) == ()
    look, *_ = passes(tmp_path / "b", of_squares, penalised, clear=True)
    assert look.terms[0].line == penalised.__code__.co_firstlineno + 2


def test_a_pass_of_terms_that_are_not_known_leaves_none(tmp_path: Path) -> None:
    def unknown(model: nn.Module, output: Tensor) -> Tensor:
        return of_distances(model, output) + output.unbind()[0].unbind()[1]

    assert passes(tmp_path, of_squares, unknown) == ()


def test_of_micro_batches_that_follow_each_other_the_first_is_taken_apart(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        for _ in range(3):
            for _ in range(4):
                penalised(model, model(INPUTS)).backward()
            optimizer.step()
            optimizer.zero_grad()
    with Run.open(tmp_path) as run:
        assert [len(look.terms) for look in run.facts(LossTerms)] == [2, 2, 2]

"""A batch that throws the loss is looked at before its update, whether or not its step is sampled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Observer
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import ThrownBatch, ThrownTensor

STEPS, BAD = 400, 250


def usual(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return x, y


def great_targets(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return x, y * torch.tensor([[1.0]] * 3 + [[500.0]] + [[1.0]] * 4)


def great_inputs(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return x * 300.0, y


def trained(
    folder: Path,
    spoil: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    *,
    budget: float = 0.02,
    loss: Callable[[Tensor, Tensor], Tensor] = F.mse_loss,
) -> Run:
    """Train on eight examples a step, one batch of which is spoilt."""
    torch.manual_seed(0)
    truth, model = torch.randn(3, 1), nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with RunWriter(folder) as writer, Observer(model, optimizer, writer, budget=budget):
        for step in range(STEPS):
            x = torch.randn(8, 3)
            x, y = (spoil if step == BAD else usual)(x, x @ truth + 0.3 * torch.randn(8, 1))
            optimizer.zero_grad()
            loss(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    return Run.open(folder)


def looks(run: Run) -> list[ThrownBatch]:
    return sorted({fact.step: fact for fact in run.facts(ThrownBatch)}.values(), key=lambda fact: fact.step)


def part(look: ThrownBatch, what: str) -> ThrownTensor:
    return next(tensor for tensor in look.tensors if tensor.what == what)


@pytest.mark.parametrize("budget", [0.02, 1.0])
def test_targets_out_of_proportion_are_seen_with_their_row(tmp_path: Path, budget: float) -> None:
    run = trained(tmp_path, great_targets, budget=budget)
    (look,) = looks(run)
    assert look.step == BAD
    assert look.loss == run.series(signals.LOSS).values[BAD] > look.level
    target, entered = part(look, "target"), part(look, "input")
    assert target.largest > 50.0 * target.high > 50.0 * target.usual
    assert (target.shape, target.rows, target.first_rows) == ((8, 1), 1, (3,))
    assert target.seen >= 16
    assert entered.largest < 3.0 * entered.usual
    assert target.later is None or target.later < 3.0 * target.usual


def squares(output: Tensor, target: Tensor) -> Tensor:
    return ((output - target) ** 2).mean()


@pytest.mark.parametrize("loss", [squares, F.l1_loss])
def test_a_target_that_the_graph_does_not_keep_is_found_by_its_name(
    tmp_path: Path, loss: Callable[[Tensor, Tensor], Tensor]
) -> None:
    (look,) = looks(trained(tmp_path, great_targets, loss=loss))
    target = part(look, "target")
    assert (target.place, target.first_rows) == ("y", (3,))
    assert target.largest > 50.0 * target.high


def test_inputs_out_of_proportion_are_seen(tmp_path: Path) -> None:
    (look,) = looks(trained(tmp_path, great_inputs))
    entered = part(look, "input")
    assert entered.largest > 50.0 * entered.high
    assert entered.rows > 4


def test_a_training_without_a_spike_is_not_looked_at(tmp_path: Path) -> None:
    assert not looks(trained(tmp_path, usual))


def test_nothing_of_the_program_is_kept_alive_or_changed(tmp_path: Path) -> None:
    watched = trained(tmp_path / "watched", great_targets).series(signals.LOSS).values
    again = trained(tmp_path / "again", great_targets, budget=1.0).series(signals.LOSS).values
    assert watched.tolist() == again.tolist()

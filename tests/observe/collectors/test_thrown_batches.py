"""A batch that throws the loss is looked at before its update, whether or not its step is sampled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from unstuck.learning.departures import explained
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


class Examples(Dataset[tuple[Tensor, Tensor]]):
    """Of which one has a target out of proportion."""

    def __len__(self) -> int:
        return 400

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        *x, noise = torch.randn(4, generator=torch.Generator().manual_seed(place))
        return torch.stack(x), torch.tensor([500.0]) if place == 123 else (x[0] + 0.3 * noise).reshape(1)


def standardised(x: Tensor) -> Tensor:
    return (x - 0.1) / 2.0


@pytest.mark.parametrize("transform", [torch.Tensor.contiguous, standardised])
def test_the_places_of_its_examples_are_known(tmp_path: Path, transform: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(1)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = DataLoader(Examples(), batch_size=8, shuffle=True)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        for _ in range(4):
            for x, y in loader:
                optimizer.zero_grad()
                F.mse_loss(model(transform(x)), y).backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
    with Run.open(tmp_path) as run:
        found = looks(run)
        assert found
        for look in found:
            assert len(look.places) == 8
            assert look.places[part(look, "target").first_rows[0]] == 123
        assert {throw.examples for throw in explained(run) if throw.rows} == {(123,)}


def test_the_places_of_a_batch_of_ids_are_known(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    ids = torch.randint(5, (400, 2))
    order = torch.randperm(400).tolist()
    loader = DataLoader(TensorDataset(ids, ids[:, 0] % 2, torch.arange(400)), batch_size=8, sampler=order)
    bad: list[int] = []
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        for step, (x, y, places) in enumerate(batch for _ in range(6) for batch in loader):
            optimizer.zero_grad()
            output = model(x)
            if step == BAD:
                bad = places.tolist()
                output = output * -1e3
            F.cross_entropy(output, y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    with Run.open(tmp_path) as run:
        look = next(look for look in looks(run) if look.step == BAD)
        assert list(look.places) == bad

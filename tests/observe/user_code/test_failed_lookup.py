"""Ids that an embedding does not have, found in the frames of the error."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import unstuck
from unstuck.observe.user_code.failed_lookup import failed_lookup
from unstuck.record import Run
from unstuck.record.facts import FailedLookup


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.head = nn.Embedding(9, 4), nn.Embedding(6, 4), nn.Linear(4, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head((self.words(ids) + self.places(torch.arange(ids.shape[1]))).mean(dim=1))


FINE = torch.ones(3, 5, dtype=torch.long)


def train(folder: Path, batches: Iterable[Tensor]) -> None:
    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with unstuck.watch(model, optimizer, out=folder / "run"):
        for batch in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(batch), torch.zeros(3, dtype=torch.long)).backward()
            optimizer.step()


def crash(folder: Path, batch: Tensor, *, after: int) -> FailedLookup | None:
    with pytest.raises(IndexError):
        train(folder, [*[FINE] * after, batch])
    with Run.open(folder / "run") as run:
        return run.fact(FailedLookup)


@pytest.mark.parametrize("after", [0, 1, 300])
def test_the_ids_and_the_table_are_named_in_any_step(tmp_path: Path, after: int) -> None:
    fact = crash(tmp_path, torch.tensor([[1, 2, 12], [3, 9, 0], [1, 1, 1]]), after=after)
    assert fact is not None
    assert (fact.rows, fact.lowest, fact.highest, fact.beyond, fact.ids) == (9, 0, 12, 2, 9)
    assert (fact.where, fact.counting) == ("words", False)
    assert fact.file == __file__


def test_positions_are_known_by_counting(tmp_path: Path) -> None:
    fact = crash(tmp_path, torch.ones(3, 8, dtype=torch.long), after=1)
    assert fact is not None
    assert (fact.where, fact.highest, fact.counting) == ("places", 7, True)


def error_of(index: object) -> BaseException:
    try:
        index()  # pyright: ignore
    except Exception as error:
        return error
    raise AssertionError


def test_other_errors_are_not_explained() -> None:
    assert failed_lookup(error_of(lambda: list(FINE)[len(FINE)]), lambda module: None) is None
    assert failed_lookup(error_of(lambda: torch.ones(3)[5]), lambda module: None) is None
    assert failed_lookup(error_of(lambda: F.embedding(FINE.float(), torch.ones(3, 2))), lambda module: None) is None

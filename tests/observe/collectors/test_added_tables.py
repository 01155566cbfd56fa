"""Tables of positions that are added to sequences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.observe.collectors.sequences import LENGTH, TOKENS, facts_of, text
from unstuck.record.facts import AddedTable, EqualPositions

Add = Callable[[Tensor, Tensor], Tensor]


class Encoded(nn.Module):
    def __init__(self, add: Add, *, learnt: bool = False) -> None:
        super().__init__()
        table = torch.randn(64, 1, 8)
        self.embedding, self.head, self.add = nn.Embedding(TOKENS, 8), nn.Linear(8, 2), add
        self.table: Tensor
        if learnt:
            self.table = nn.Parameter(table)
        else:
            self.register_buffer("table", table)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.add(self.embedding(ids), self.table).mean(dim=1))


def found(folder: Path, model: nn.Module) -> list[AddedTable]:
    return facts_of(folder, AddedTable, model, lambda model: F.cross_entropy(model(text()), torch.randint(2, (16,))))


@pytest.mark.parametrize("learnt", [False, True])
def test_rows_that_are_given_to_examples_are_found(tmp_path: Path, *, learnt: bool) -> None:
    (fact,) = found(tmp_path, Encoded(lambda x, table: x + table[: x.shape[0]], learnt=learnt))
    assert (fact.examples, fact.positions) == (16, LENGTH)
    assert fact.line is not None


@pytest.mark.parametrize("vectors", [False, True])
@pytest.mark.parametrize("wrong", [False, True])
def test_sequences_may_be_of_numbers(tmp_path: Path, *, vectors: bool, wrong: bool) -> None:
    series = torch.randn(16, LENGTH, 8 if vectors else 1)

    def add(x: Tensor, table: Tensor) -> Tensor:
        return x + (table[: len(x)] if wrong else table[: x.shape[1]].transpose(0, 1))

    model = Encoded(lambda _, table: add(series.expand(-1, -1, 8), table))
    model.embedding = nn.Identity()
    batch = series if vectors else series.squeeze(2)
    facts = facts_of(tmp_path, AddedTable, model, lambda model: F.cross_entropy(model(batch), torch.randint(2, (16,))))
    assert len(facts) == wrong


@pytest.mark.parametrize(
    "add",
    [
        lambda x, table: x + table[: x.shape[1]].transpose(0, 1),
        lambda x, table: x + table[:1],
        lambda x, table: x + torch.randn(x.shape[0], 1, 8),
        lambda x, table: x + x.mean(dim=1, keepdim=True),
    ],
    ids=["by position", "one for all", "a condition", "a mean"],
)
def test_other_sums_are_left_alone(tmp_path: Path, add: Add) -> None:
    assert not found(tmp_path, Encoded(add))


class Placed(nn.Module):
    """Tokens with something that is added to them."""

    def __init__(self, add: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.embedding, self.head, self.add = nn.Embedding(TOKENS, 8), nn.Linear(8, 2), add
        self.places, self.kinds = nn.Embedding(32, 8), nn.Embedding(2, 8)
        self.start = nn.Parameter(torch.zeros(LENGTH, 8))

    def forward(self, ids: Tensor) -> Tensor:
        return self.head((self.embedding(ids) + self.add(self, ids)).mean(dim=1))


def equal(folder: Path, add: Callable[[nn.Module, Tensor], Tensor]) -> list[EqualPositions]:
    return facts_of(
        folder, EqualPositions, Placed(add), lambda model: F.cross_entropy(model(text()), torch.randint(2, (16,)))
    )


@pytest.mark.parametrize(
    "add",
    [
        lambda model, ids: model.places(torch.zeros_like(ids)),
        lambda model, ids: model.places(torch.zeros(LENGTH, dtype=torch.long)),
        lambda model, ids: model.places(torch.zeros_like(ids)) + model.kinds(torch.zeros_like(ids)),
    ],
    ids=["of all", "of one", "beside kinds"],
)
def test_one_row_for_all_positions_is_found(tmp_path: Path, add: Callable[[nn.Module, Tensor], Tensor]) -> None:
    (fact,) = equal(tmp_path, add)
    assert (fact.lengths[-1], fact.rows) == (LENGTH, 32)
    assert fact.line is not None


@pytest.mark.parametrize(
    "add",
    [
        lambda model, ids: model.places(torch.arange(LENGTH)),
        lambda model, ids: model.start,
        lambda model, ids: model.kinds(torch.zeros_like(ids)),
        lambda model, ids: model.places(ids[:, :1].expand_as(ids)),
        lambda model, ids: model.places((torch.arange(LENGTH) - torch.arange(16).unsqueeze(1)).clamp(min=0)),
    ],
    ids=["places", "zero at first", "kinds", "by example", "padded on the left"],
)
def test_tables_that_tell_positions_or_something_else_are_left_alone(
    tmp_path: Path, add: Callable[[nn.Module, Tensor], Tensor]
) -> None:
    assert not equal(tmp_path, add)


def test_one_row_beside_positions_is_that_of_something_else(tmp_path: Path) -> None:
    class Both(Placed):
        def forward(self, ids: Tensor) -> Tensor:
            x = self.embedding(ids) + self.places(torch.zeros_like(ids))
            return self.head((x + self.start).mean(dim=1))

    model = Both(lambda model, ids: ids)
    nn.init.normal_(model.start)
    assert not facts_of(
        tmp_path, EqualPositions, model, lambda model: F.cross_entropy(model(text()), torch.randint(2, (16,)))
    )

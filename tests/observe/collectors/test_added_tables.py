"""Tables of positions that are added to sequences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.observe.collectors.sequences import LENGTH, TOKENS, facts_of, text
from unstuck.record.facts import AddedTable

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

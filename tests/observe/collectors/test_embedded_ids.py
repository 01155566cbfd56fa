"""Sequences of ids that become vectors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.observe.conftest import Watched
from unstuck.observe.collectors.embedded_ids import MOST

IDS = torch.randint(12, (4, 6), generator=torch.Generator().manual_seed(0))
TABLE = nn.Parameter(torch.randn(12, 3))


class Looks(nn.Module):
    def __init__(self, look: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.table, self.look = TABLE, look

    def forward(self, ids: Tensor) -> Tensor:
        return self.look(ids, self.table)


@pytest.mark.parametrize(
    ("look", "declared"),
    [
        (lambda ids, table: F.embedding(ids, table), None),
        (lambda ids, table: F.embedding(ids, table, padding_idx=2), 2),
        (lambda ids, table: F.embedding(input=ids, weight=table), None),
        (lambda ids, table: torch.embedding(table, ids), None),
        (lambda ids, table: table[ids], None),
    ],
    ids=["function", "padding", "by name", "below", "indexed"],
)
def test_tables_that_are_read_are_seen(look: Callable[[Tensor, Tensor], Tensor], declared: int | None) -> None:
    model = Looks(look)
    with Watched(model) as watched:
        output = model(IDS)
    (one,) = watched.view.embedded
    assert torch.equal(one.ids, IDS)
    assert one.vectors is output
    assert (one.declared, one.rows) == (declared, 12)


@pytest.mark.parametrize(
    "look",
    [
        lambda ids, table: table[ids[:, 0]],
        lambda ids, table: table[:, 1:].sum(),
        lambda ids, table: torch.ones(12, 3)[ids] * table.sum(),
        lambda ids, table: (table * table.sum())[ids > 3] if False else table[torch.arange(12) > 3],
    ],
    ids=["one id", "a slice", "no weights", "a mask"],
)
def test_other_reads_are_not(look: Callable[[Tensor, Tensor], Tensor]) -> None:
    model = Looks(look)
    with Watched(model) as watched:
        model(IDS)
    assert not watched.view.embedded


def test_what_a_step_gave_is_forgotten() -> None:
    model = Looks(lambda ids, table: torch.stack([table[ids] for _ in range(MOST + 3)]))
    watched = Watched(model)
    with watched:
        model(IDS).sum().backward()
        assert len(watched.view.embedded) == MOST
        watched.update()
    assert not watched.view.embedded

"""Which axis counts examples: what is learnt or kept has no row for each of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.collectors.example_axes import Lengths, beside_positions, by_loader, memory

N, T, D = 16, 7, 8
BUFFER = torch.randn(40, D)
BATCH_FIRST, TIME_FIRST = torch.zeros(N, T, D), torch.zeros(T, N, D)

TABLES: dict[str, tuple[Callable[[], Tensor], Tensor]] = {
    "a parameter": (lambda: nn.Parameter(torch.ones(T, D)), BATCH_FIRST),
    "with an axis of one": (lambda: nn.Parameter(torch.ones(1, T, D)), BATCH_FIRST),
    "part of it": (lambda: nn.Parameter(torch.ones(40, D))[:T], BATCH_FIRST),
    "expanded": (lambda: nn.Parameter(torch.ones(1, T, D)).expand(N, -1, -1), BATCH_FIRST),
    "an embedding": (lambda: nn.Embedding(40, D)(torch.arange(T)), BATCH_FIRST),
    "a buffer": (lambda: BUFFER[:T], BATCH_FIRST),
    "time first": (lambda: nn.Parameter(torch.ones(T, 1, D)), TIME_FIRST),
    "a buffer, time first": (lambda: BUFFER[:T].unsqueeze(1), TIME_FIRST),
}


@pytest.mark.parametrize(("table", "values"), TABLES.values(), ids=TABLES.keys())
def test_a_table_of_positions(table: Callable[[], Tensor], values: Tensor) -> None:
    assert beside_positions(table(), values, {memory(BUFFER)}) == Lengths(T, N, "positions")


OTHERS: dict[str, tuple[Callable[[], Tensor], Tensor]] = {
    "what comes with the batch": (lambda: torch.randn(T, D), BATCH_FIRST),
    "what is computed from it": (lambda: nn.Linear(3, D)(torch.randn(N, 1, 3)), BATCH_FIRST),
    "classes of examples": (lambda: nn.Embedding(5, D)(torch.randint(5, (N, 1))), BATCH_FIRST),
    "a bias": (lambda: nn.Parameter(torch.ones(1, 1, D)), BATCH_FIRST),
    "as many of both": (lambda: nn.Parameter(torch.ones(T, D)), torch.zeros(T, T, D)),
    "a row for each": (lambda: nn.Parameter(torch.ones(N, T, D)), BATCH_FIRST),
    "images": (lambda: nn.Parameter(torch.ones(T, 1, 1)), torch.zeros(N, T, 3, 3)),
}


@pytest.mark.parametrize(("table", "values"), OTHERS.values(), ids=OTHERS.keys())
def test_what_tells_nothing(table: Callable[[], Tensor], values: Tensor) -> None:
    assert beside_positions(table(), values, {memory(BUFFER)}) is None


@pytest.mark.parametrize(
    ("batch", "size", "known"),
    [
        (BATCH_FIRST, N, Lengths(T, N, "loader")),
        (BATCH_FIRST, None, None),
        (BATCH_FIRST, 32, None),
        (TIME_FIRST, N, None),
        (torch.zeros(N), N, None),
        (torch.zeros(N, N), N, None),
    ],
)
def test_the_size_of_a_batch(batch: Tensor, size: int | None, known: Lengths | None) -> None:
    assert by_loader(batch, size) == known

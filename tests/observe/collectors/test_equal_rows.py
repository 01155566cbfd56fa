"""Summands that hold the same at all positions, and tables that one id is looked up in."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.collectors.equal_rows import equal_along, looked_up

EXAMPLES, LENGTH, WIDTH = 4, 10, 3
WHOLE = torch.ones(EXAMPLES, LENGTH, WIDTH)
ROW = torch.arange(3.0)
WAVES = torch.arange(30.0).view(LENGTH, WIDTH)


@pytest.mark.parametrize(
    ("part", "known"),
    [
        (ROW, {}),
        (ROW.expand(1, 1, WIDTH), {}),
        (ROW.expand(LENGTH, WIDTH), {LENGTH: True}),
        (WAVES, {LENGTH: False}),
        (WAVES.expand_as(WHOLE), {LENGTH: False, EXAMPLES: True}),
        (torch.arange(12.0).view(EXAMPLES, 1, WIDTH).expand_as(WHOLE), {LENGTH: True, EXAMPLES: False}),
        (torch.eye(WIDTH)[torch.tensor([0, 0, 1] + [0] * 7)], {LENGTH: False}),
        (torch.ones(LENGTH, WIDTH).to_sparse(), {}),
        (torch.ones(0, WIDTH), {}),
        (torch.tensor(1.0), {}),
    ],
)
def test_the_axes_along_which_a_summand_is_the_same(part: Tensor, known: dict[int, bool]) -> None:
    assert equal_along(part, WHOLE) == known


def test_as_many_positions_as_examples_are_the_same_if_both_are() -> None:
    assert equal_along(ROW.expand(5, 5, WIDTH), torch.ones(5, 5, WIDTH)) == {5: True}
    assert equal_along(torch.rand(5, 1, WIDTH).expand(5, 5, WIDTH), torch.ones(5, 5, WIDTH)) == {5: False}


@pytest.mark.parametrize(
    ("ids", "rows"),
    [
        (torch.zeros(LENGTH, dtype=torch.long), 16),
        (torch.zeros(EXAMPLES, LENGTH, dtype=torch.long), 16),
        (torch.arange(LENGTH), None),
        (torch.zeros(1, dtype=torch.long), None),
    ],
)
def test_one_id_that_is_looked_up_at_all_positions(ids: Tensor, rows: int | None) -> None:
    assert looked_up(nn.Embedding(16, WIDTH)(ids), LENGTH) == rows


def test_tables_of_fewer_rows_and_other_values_are_none_of_positions() -> None:
    assert looked_up(nn.Embedding(2, WIDTH)(torch.zeros(LENGTH, dtype=torch.long)), LENGTH) is None
    assert looked_up(torch.ones(LENGTH, WIDTH, requires_grad=True) * 2, LENGTH) is None
    assert looked_up(torch.ones(LENGTH, WIDTH), LENGTH) is None

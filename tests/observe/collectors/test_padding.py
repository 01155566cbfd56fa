"""Padding recognised among the ids of a batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.padding import padding_of

PLACES = torch.arange(12)
LENGTHS = torch.tensor([12, 3, 5, 9, 4, 7, 2, 8]).unsqueeze(1)


def words(lowest: int = 1, highest: int = 9) -> Tensor:
    return torch.randint(lowest, highest, (8, 12), generator=torch.Generator().manual_seed(0))


BEHIND = PLACES >= LENGTHS


@pytest.mark.parametrize("pad", [0, 20])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("front", [False, True])
def test_what_fills_up_sequences_is_padding(pad: int, turned: bool, front: bool) -> None:
    filled, wanted = words().masked_fill(BEHIND, pad), BEHIND
    if front:
        filled, wanted = filled.flip(1), wanted.flip(1)
    if turned:
        filled, wanted = filled.T, wanted.T
    found = padding_of(filled)
    assert found is not None
    assert torch.equal(found, wanted)


def test_an_id_that_marks_beginning_and_end_fills_up_too() -> None:
    found = padding_of(words().masked_fill(BEHIND | (PLACES == 0), 0))
    assert found is not None
    assert torch.equal(found, PLACES > LENGTHS)


def test_two_kinds_of_tokens_may_be_filled_up() -> None:
    found = padding_of(words(0, 2).masked_fill(BEHIND, 2))
    assert found is not None
    assert torch.equal(found, BEHIND)


@pytest.mark.parametrize(
    "ids",
    [
        words(),
        words(0, 2),
        PLACES.expand(8, 12),
        BEHIND.long(),
        words().masked_fill(PLACES == 11, 0),
        words().masked_fill(PLACES >= 10, 0),
        words().masked_fill(BEHIND, 0)[:3],
        words().float(),
        torch.zeros(8, 12, dtype=torch.long),
        words().masked_fill(BEHIND | (words() == 3), 0),
    ],
    ids=["full", "binary", "positions", "segments", "an end", "the same end", "few", "numbers", "one id", "common id"],
)
def test_other_ids_are_none(ids: Tensor) -> None:
    assert padding_of(ids) is None


def test_the_id_that_a_layer_was_given_is_padding_wherever_it_stands() -> None:
    ids = torch.tensor([[1, 2, 0], [0, 3, 1]])
    found = padding_of(ids, 0)
    assert found is not None
    assert torch.equal(found, ids == 0)
    assert padding_of(ids, 7) is None

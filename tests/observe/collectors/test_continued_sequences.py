from __future__ import annotations

import torch

from unstuck.observe.collectors.continued_sequences import ContinuedSequences
from unstuck.record.facts import Continued

PROMPTS = torch.arange(12).reshape(4, 3)


def generate(continued: ContinuedSequences, *, passes: int, source: bool = False) -> None:
    ids = PROMPTS
    for number in range(passes):
        continued.take((torch.zeros(4, 7, dtype=torch.long), ids) if source else (ids,))
        ids = torch.cat([ids, torch.full((4, 1), number)], dim=1)


def test_each_generation_is_counted_by_its_last_length() -> None:
    continued = ContinuedSequences()
    for passes in (5, 5, 9):
        generate(continued, passes=passes)
    assert list(continued.finish()) == [Continued(lengths=(7, 11), sequences=(2, 1))]


def test_the_decoder_of_a_source_is_followed_too() -> None:
    continued = ContinuedSequences()
    generate(continued, passes=4, source=True)
    assert list(continued.finish()) == [Continued(lengths=(6,), sequences=(1,))]


def test_batches_that_are_evaluated_continue_nothing() -> None:
    continued = ContinuedSequences()
    for length in (5, 6, 7):  # of other ids
        continued.take((torch.randint(0, 9, (4, length), generator=torch.Generator().manual_seed(length)),))
    continued.take((torch.rand(4, 8),))
    assert list(continued.finish()) == []

"""Which outputs of a loss belong to which positions of a sequence."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.embedded_ids import Embedded
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.scored_outputs import scored_outputs

EXAMPLES, LENGTH, TOKENS = 6, 9, 11
IDS = torch.randint(1, TOKENS, (EXAMPLES, LENGTH), generator=torch.Generator().manual_seed(0))


def embedded(ids: Tensor) -> Embedded:
    return Embedded(ids, torch.randn(*ids.shape, 3, requires_grad=True), None, TOKENS)


def logits(examples: int = EXAMPLES, length: int = LENGTH) -> Tensor:
    return torch.randn(examples, length, TOKENS, requires_grad=True) * 1.0


def loss(output: Tensor, target: Tensor) -> LossCall:
    return LossCall(function="cross_entropy", output=output, target=target, value=output.sum())


@pytest.mark.parametrize("offset", [-1, 0, 1, 2])
def test_the_place_of_targets_is_found(offset: int) -> None:
    scored = scored_outputs(loss(logits().flatten(0, 1), IDS.roll(-offset, 1).flatten()), embedded(IDS))
    wanted = None if offset else 0  # rolled around, the first or last of each row stands elsewhere
    assert scored is not None
    assert scored.offset == (offset if scored.offset is not None else wanted)
    assert (scored.examples, scored.length, scored.kept) == (EXAMPLES, LENGTH, LENGTH)


def test_a_shift_in_the_loss_is_counted() -> None:
    output = logits()[:, :-1]
    scored = scored_outputs(loss(output.flatten(0, 1), IDS[:, 1:].flatten()), embedded(IDS))
    assert scored is not None
    assert (scored.offset, scored.kept, scored.front) == (1, LENGTH - 1, 0)
    assert scored.positions == EXAMPLES * (LENGTH - 1)
    assert scored.chosen is not None
    assert bool((scored.chosen < LENGTH - 1).all())


def test_one_output_of_each_example_is_weighted() -> None:
    scored = scored_outputs(loss(logits().transpose(1, 2), IDS), embedded(IDS))
    assert scored is not None
    assert scored.weights.shape == (EXAMPLES, TOKENS, LENGTH)
    assert scored.weights.abs().sum(dim=1).ne(0).sum(dim=1).tolist() == [1] * EXAMPLES


def test_positions_may_come_first() -> None:
    output = logits(LENGTH, EXAMPLES)[:-1]
    scored = scored_outputs(loss(output.flatten(0, 1), IDS.T[1:].flatten()), embedded(IDS.T))
    assert scored is not None
    assert (scored.turned, scored.offset) == (True, 1)
    assert torch.equal(scored.rows(IDS.T), IDS)
    assert torch.equal(scored.columns(IDS.T[1:].flatten()), IDS[:, 1:])


def test_targets_that_are_left_out_are_not_chosen() -> None:
    target = IDS.masked_fill(torch.arange(LENGTH) < 5, -100)
    scored = scored_outputs(loss(logits().flatten(0, 1), target.flatten()), embedded(IDS))
    assert scored is not None
    assert scored.chosen is not None
    assert bool((scored.chosen >= 5).all())


def test_an_example_may_have_one_output() -> None:
    output = torch.randn(EXAMPLES, 4, requires_grad=True) * 1.0
    scored = scored_outputs(loss(output, torch.zeros(EXAMPLES, dtype=torch.long)), embedded(IDS))
    assert scored is not None
    assert (scored.chosen, scored.offset, scored.targets) == (None, None, None)


def test_outputs_of_another_batch_belong_to_nothing() -> None:
    output = torch.randn(EXAMPLES + 1, 4, requires_grad=True) * 1.0
    assert scored_outputs(loss(output, torch.zeros(EXAMPLES + 1, dtype=torch.long)), embedded(IDS)) is None
    everything_left_out = torch.full((EXAMPLES * LENGTH,), -100)
    assert scored_outputs(loss(logits().flatten(0, 1), everything_left_out), embedded(IDS)) is None

"""Functions that compute the scores of a head in chunks, and keep none of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from unstuck.observe.autograd.fused_heads import fused_head

torch.manual_seed(0)
HEAD = torch.randn(7, 4, requires_grad=True)
IDS = torch.tensor([1, 2, 6, 0, 3, 3])


class LogProbabilities(torch.autograd.Function):
    """Log-probability of an id at each position, as TRL's trainers compute it."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, head: Tensor, offset: Tensor | None, ids: Tensor) -> Tensor:
        scores = states @ head.T + (0 if offset is None else offset)
        ctx.save_for_backward(states, head, offset, ids, scores.logsumexp(1))
        return -F.cross_entropy(scores, ids, reduction="none")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, ...]:
        return None, None, None, None


def states() -> Tensor:
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(1)) @ torch.ones(3, 4, requires_grad=True)


@pytest.mark.parametrize("offset", [None, torch.randn(7, requires_grad=True)])
def test_scores_are_those_of_the_head(offset: Tensor | None) -> None:
    given = states()
    found = fused_head(-LogProbabilities.apply(given, HEAD, offset, IDS).sum() / 6)
    assert found is not None
    torch.testing.assert_close(found.scores, given @ HEAD.T + (0 if offset is None else offset))
    assert found.scores.requires_grad
    assert torch.equal(found.ids, IDS)
    assert found.masks == ()


def test_what_counts_may_be_left_by_a_fill_or_a_factor() -> None:
    out = torch.tensor([False, True, False, False, True, True])
    log_probabilities = LogProbabilities.apply(states(), HEAD, None, IDS)
    for loss in (log_probabilities.view(2, 3).masked_fill(out.view(2, 3), 0).sum(), (log_probabilities * ~out).sum()):
        found = fused_head(-loss / 3)
        assert found is not None
        assert torch.equal(found.masks[0], ~out)


def test_other_losses_have_none() -> None:
    assert fused_head(F.cross_entropy(states() @ HEAD.T, IDS)) is None
    loss = LogProbabilities.apply(states(), HEAD, None, IDS).sum()
    loss.backward()
    assert fused_head(loss) is None


def test_checkpointed_states_are_not_computed_again() -> None:
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: pytest.fail("unpacked")):
        loss = LogProbabilities.apply(states(), HEAD, None, IDS).sum()
    assert fused_head(loss) is None

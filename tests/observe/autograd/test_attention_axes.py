from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unstuck.observe.autograd.attention_axes import contractions_of
from unstuck.record.facts import Contraction


def tokens(count: int = 6) -> Tensor:
    return nn.Linear(3, 8)(torch.randn(4, count, 3))


def attended(scores: Tensor, dim: int, values: Tensor, *, dropout: float = 0.0) -> list[Contraction]:
    weights = F.dropout(scores.softmax(dim), dropout)
    return list(contractions_of((weights @ values).square().mean()))


def test_self_attention_is_seen_with_the_axis_of_its_softmax_and_of_its_sum() -> None:
    x = tokens()
    scores = (x @ x.mT / 3.0).masked_fill(torch.ones(6, 6).triu(1).bool(), -9.0)
    assert attended(scores, -1, x, dropout=0.1) == [
        Contraction(axis=2, contracted=2, shape=(4, 6, 6), among_themselves=True)
    ]
    assert attended(scores, 1, x) == [Contraction(axis=1, contracted=2, shape=(4, 6, 6), among_themselves=True)]


def test_heads_are_seen_past_their_views() -> None:
    q = tokens().reshape(4, 6, 2, 4).transpose(1, 2)
    for axis in (1, 2, 3):
        out = (q @ q.mT / 2.0).softmax(axis) @ q
        assert list(contractions_of(out.sum())) == [
            Contraction(axis=axis, contracted=3, shape=(4, 2, 6, 6), among_themselves=True)
        ]
        out = torch.einsum("bhqk,bhkd->bqhd", torch.einsum("bhqd,bhkd->bhqk", q, q).softmax(axis), q)
        (seen,) = contractions_of(out.sum())
        assert (seen.axis, seen.contracted, seen.among_themselves) == (axis, 3, True)


def test_pooling_by_a_product_of_entries_and_a_sum_is_seen() -> None:
    x = tokens()
    weights = nn.Linear(8, 1)(x).softmax(2)
    expected = Contraction(axis=2, contracted=1, shape=(4, 6, 1), among_themselves=False)
    assert list(contractions_of((weights * x).sum(1).square().mean())) == [expected]
    assert list(contractions_of((x * weights).mean(-2).square().mean())) == [expected]
    (seen,) = contractions_of((nn.Linear(8, 1)(x).squeeze(-1).softmax(1).unsqueeze(-1) * x).sum(1).sum())
    assert (seen.axis, seen.contracted) == (1, 1)


def test_what_is_divided_by_its_sum_afterwards_is_no_softmax_any_more() -> None:
    slots, x = tokens(), tokens()
    weights = (slots @ x.mT).softmax(1)
    weights = weights / weights.sum(2, keepdim=True)
    assert list(contractions_of((weights @ x).sum())) == []


def test_sets_of_different_sizes_and_learnt_matrices_are_not_among_themselves() -> None:
    queries, x = tokens(5), tokens(6)
    assert not attended(queries @ x.mT, 1, x)[0].among_themselves
    nodes = torch.randn(6, 4, requires_grad=True)
    graph = F.relu(nodes @ nodes.T).softmax(1)
    assert [fact.among_themselves for fact in contractions_of((graph.T @ tokens()[0]).sum())] == [False]


def test_targets_and_data_are_no_values() -> None:
    probabilities = nn.Linear(3, 4)(torch.randn(8, 3)).softmax(1)
    assert list(contractions_of((probabilities * torch.ones(8, 4)).sum(0).log().sum())) == []

"""Axes that were split off the features of each position."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe.autograd.split_features import are_split_features, factors_of_scores

N, T, H, D = 2, 5, 3, 4
LINEAR = nn.Linear(H * D, H * D)
NORM = nn.RMSNorm(D)


def hidden() -> Tensor:
    return LINEAR(torch.randn(N, T, H * D))


def turned(x: Tensor) -> Tensor:
    return torch.cat([-x[..., D // 2 :], x[..., : D // 2]], dim=-1) * 0.3 + x * 0.7


def packed() -> Tensor:
    return nn.Linear(H * D, 3 * H * D)(torch.randn(N, T, H * D)).view(N, T, 3, H, D)


@pytest.mark.parametrize(
    ("queries", "split"),
    [
        (lambda: hidden().view(N, T, H, D), True),
        (lambda: hidden().view(N, T, H, D).transpose(1, 2), False),
        (lambda: NORM(hidden().view(N, T, H, D)), True),
        (lambda: NORM(hidden().view(N, T, H, D)).transpose(1, 2), False),
        (lambda: turned(hidden().view(N, T, H, D)), True),
        (lambda: turned(hidden().view(N, T, H, D).transpose(1, 2)), False),
        (lambda: packed().unbind(2)[0], True),
        (lambda: packed().permute(2, 0, 3, 1, 4)[0], False),
        (lambda: hidden().view(N, T, 1, H * D), True),
        (lambda: hidden().unsqueeze(1), False),
        (lambda: nn.Linear(D, D)(torch.randn(N, T, H, D)), False),
        (lambda: nn.Linear(D, H * D)(torch.randn(N, D)).view(N, H, D)[:, None], False),
    ],
    ids=[
        *("heads", "exchanged", "norm", "norm exchanged", "turned", "turned exchanged", "packed", "packed exchanged"),
        *("one head", "no heads", "objects", "slots"),
    ],
)
def test_heads_are_split_features_until_they_are_exchanged(queries: Callable[[], Tensor], split: bool) -> None:
    found = queries()
    assert are_split_features(found.grad_fn, found.dim() - 2) is split


@pytest.mark.parametrize("exchanged", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_scores_lead_to_their_queries(exchanged: bool, masked: bool) -> None:
    queries = hidden().view(N, T, H, D)
    queries = queries.transpose(1, 2) if exchanged else queries
    scores = queries @ queries.transpose(-2, -1) / 2
    scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -torch.inf) if masked else scores
    found = factors_of_scores(scores.softmax(dim=-1))
    assert found is not None
    assert are_split_features(*found) is not exchanged


def test_what_is_no_product_has_no_queries() -> None:
    assert factors_of_scores(F.softmax(hidden(), dim=-1)) is None
    assert not are_split_features(None, 2)

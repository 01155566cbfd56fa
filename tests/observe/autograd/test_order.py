"""Whether positions of a sequence can be told apart by what is done with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe.autograd.graph import place_in_graph
from unstuck.observe.autograd.order import forgets_order, same_for_all_queries
from unstuck.observe.autograd.positions import between

EXAMPLES, LENGTH, WIDTH = 4, 10, 16
IDS = torch.randint(1, 20, (EXAMPLES, LENGTH), generator=torch.Generator().manual_seed(0)).masked_fill(
    torch.arange(LENGTH) >= torch.tensor([[10], [4], [6], [9]]), 0
)
PADDING = IDS == 0
CAUSAL = torch.ones(LENGTH, LENGTH).triu(1).bool()
EMBEDDING, PLACES = nn.Embedding(20, WIDTH), nn.Embedding(LENGTH, WIDTH)
QKV, HEAD, CELL = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, 3), nn.GRU(WIDTH, WIDTH, batch_first=True)
WAVES, BIAS = torch.randn(LENGTH, WIDTH), nn.Parameter(torch.randn(LENGTH, LENGTH))


def encoder(**given: object) -> nn.Module:
    return nn.TransformerEncoderLayer(WIDTH, 2, 32, batch_first=True, **given)  # pyright: ignore


MASKED = encoder()


def by_hand(mask: Tensor | None = None, bias: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    def look(x: Tensor) -> Tensor:
        q, k, v = QKV(x).view(EXAMPLES, LENGTH, 3, 2, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / 8**0.5
        scores = scores if mask is None else scores.masked_fill(mask, -1e9)
        scores = scores if bias is None else scores + bias
        return (F.dropout(scores.softmax(-1), 0.1) @ v).transpose(1, 2).reshape(EXAMPLES, LENGTH, WIDTH)

    return look


def fused(x: Tensor, **given: object) -> Tensor:
    x = x.view(EXAMPLES, LENGTH, 2, -1).transpose(1, 2)
    return F.scaled_dot_product_attention(x, x, x, **given).transpose(1, 2).flatten(2)  # pyright: ignore


def pooled(x: Tensor) -> Tensor:
    real = (~PADDING).unsqueeze(-1)
    return HEAD((x * real).sum(dim=1) / real.sum(dim=1))


def forgets(look: Callable[[Tensor], Tensor], head: Callable[[Tensor], Tensor] = pooled) -> bool:
    vectors = EMBEDDING(IDS)
    return forgets_order(between(head(look(vectors)), vectors), vectors.grad_fn, EXAMPLES, LENGTH)


@pytest.mark.parametrize(
    "look",
    [
        encoder(),
        encoder(norm_first=True, activation="gelu", dropout=0.0),
        lambda x: MASKED(x, src_key_padding_mask=PADDING),
        fused,
        by_hand(),
        by_hand(PADDING[:, None, None]),
        by_hand(bias=PADDING[:, None, None] * -1e9),
        by_hand(bias=BIAS.detach()),  # which is seen where it is added
        lambda x: by_hand()(F.dropout(x * 4.0, 0.2)),
    ],
)
@pytest.mark.parametrize("head", [pooled, HEAD, lambda x: HEAD(x[:, 0]), lambda x: HEAD(x).flatten(0, 1)])
def test_attention_without_positions_forgets_the_order(
    look: Callable[[Tensor], Tensor], head: Callable[[Tensor], Tensor]
) -> None:
    assert forgets(look, head)


@pytest.mark.parametrize(
    "look",
    [
        lambda x: by_hand()(x + PLACES(torch.arange(LENGTH))),
        lambda x: by_hand()(x + WAVES),
        lambda x: by_hand()(x * WAVES),
        lambda x: by_hand()(torch.cat([x[:, :1], x[:, 1:] * 2], dim=1)),
        by_hand(CAUSAL),
        by_hand(bias=BIAS),
        lambda x: fused(x, is_causal=True),
        lambda x: fused(x, attn_mask=~CAUSAL),
        lambda x: by_hand()(CELL(x)[0]),
        lambda x: x * 2,
    ],
    ids=["table", "waves", "rotation", "cut", "causal", "bias", "flag", "mask", "recurrence", "no attention"],
)
def test_whatever_tells_positions_apart_is_seen(look: Callable[[Tensor], Tensor]) -> None:
    assert not forgets(look)


def test_positions_that_are_flattened_into_features_are_told_apart() -> None:
    head = nn.Linear(LENGTH * WIDTH, 3)
    assert not forgets(by_hand(), lambda x: head(x.flatten(1)))


def test_masks_of_padding_are_the_same_for_all_queries() -> None:
    assert same_for_all_queries(PADDING[:, None, None])
    assert same_for_all_queries(PADDING[:, None, None].expand(-1, 2, LENGTH, -1))
    assert not same_for_all_queries(CAUSAL)


@pytest.mark.parametrize("trained", [True, False])
def test_what_is_the_same_at_all_positions_tells_none_apart(trained: bool) -> None:
    vectors = EMBEDDING(IDS)
    added = PLACES(torch.zeros_like(IDS)) if trained else torch.ones(LENGTH, WIDTH)
    summed = vectors + added
    places = {place_in_graph(added if trained else summed)}
    graph = between(pooled(by_hand()(summed)), vectors)
    assert not forgets_order(graph, vectors.grad_fn, EXAMPLES, LENGTH)
    assert forgets_order(graph, vectors.grad_fn, EXAMPLES, LENGTH, {place for place in places if place is not None})


def test_dropout_where_positions_come_first_is_no_constant_of_positions() -> None:
    vectors = EMBEDDING(IDS.T)
    layer = nn.TransformerEncoderLayer(WIDTH, 2, 32)
    assert forgets_order(between(HEAD(layer(vectors)), vectors), vectors.grad_fn, EXAMPLES, LENGTH)
    waved = HEAD(layer(vectors * WAVES.unsqueeze(1)))
    assert not forgets_order(between(waved, vectors), vectors.grad_fn, EXAMPLES, LENGTH)

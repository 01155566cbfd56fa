"""What the queries of attention look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.observe.collectors.sequences import LENGTH, Attending, facts_of, next_token, padded
from unstuck.observe.collectors.attention_calls import Looked, looked_at
from unstuck.record.facts import AttentionCall

ABOVE = torch.ones(LENGTH - 1, LENGTH - 1, dtype=torch.bool).triu(1)
BELOW = ~ABOVE
SDPA = F.scaled_dot_product_attention


def heads(hidden: Tensor) -> Tensor:
    return hidden.view(*hidden.shape[:2], 2, 4).transpose(1, 2)


def merged(hidden: Tensor) -> Tensor:
    return hidden.transpose(1, 2).flatten(2)


def fused(**given: object) -> Callable[[Tensor], Tensor]:
    return lambda x: merged(SDPA(heads(x), heads(x), heads(x), **given))  # pyright: ignore


def by_hand(mask: Tensor | None) -> Callable[[Tensor], Tensor]:
    def look(hidden: Tensor) -> Tensor:
        scores = hidden @ hidden.transpose(1, 2) / 20
        return (scores if mask is None else scores.masked_fill(mask, float("-inf"))).softmax(dim=-1) @ hidden

    return look


def added(hidden: Tensor, bias: Tensor) -> Tensor:
    return (hidden @ hidden.transpose(1, 2) / 20 + bias).softmax(dim=-1) @ hidden


def multi_head(**given: object) -> Callable[[Tensor], Tensor]:
    module = nn.MultiheadAttention(8, 2, batch_first=True)
    return lambda x: module(x, x, x, need_weights=False, **given)[0]


ALL = {"before": 1.0, "behind": 1.0}
LEFT = {"before": 1.0, "behind": 0.0}
RIGHT = {"before": 0.0, "behind": 1.0}


@pytest.mark.parametrize(
    ("look", "mask", "seen"),
    [
        (fused(), "none", ALL),
        (fused(is_causal=True), "causal", LEFT),
        (fused(attn_mask=BELOW), "bool", LEFT),
        (fused(attn_mask=torch.zeros(ABOVE.shape).masked_fill(ABOVE, float("-inf"))), "float", LEFT),
        (fused(attn_mask=BELOW.T), "bool", RIGHT),
        (multi_head(), "none", ALL),
        (multi_head(attn_mask=ABOVE), "float", LEFT),
        (multi_head(attn_mask=torch.zeros(ABOVE.shape).masked_fill(ABOVE, float("-inf"))), "float", LEFT),
        (by_hand(None), "none", ALL),
        (by_hand(ABOVE), "none", LEFT),
        (by_hand(ABOVE.T), "none", RIGHT),
    ],
)
def test_keys_before_and_behind_are_counted(
    tmp_path: Path, look: Callable[[Tensor], Tensor], mask: str, seen: dict[str, float]
) -> None:
    (fact,) = facts_of(tmp_path, AttentionCall, Attending(look), next_token)
    assert (fact.queries, fact.keys, fact.mask, fact.padding) == (LENGTH - 1, LENGTH - 1, mask, None)
    assert (fact.before, fact.behind) == pytest.approx((seen["before"], seen["behind"]), abs=0.25)
    assert (fact.before == 0.0, fact.behind == 0.0) == (seen["before"] == 0.0, seen["behind"] == 0.0)
    assert fact.next == (0.0 if fact.behind == 0.0 else 1.0)
    assert fact.line is not None


class Classifier(nn.Module):
    """Attention over padded sequences; ``look`` is given vectors and where the padding stands."""

    def __init__(self, look: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.embedding, self.look, self.head = nn.Embedding(12, 8), look, nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.look(self.embedding(ids), ids == 0).mean(dim=1))


def classes(model: nn.Module) -> Tensor:
    ids = padded()
    return F.cross_entropy(model(ids), ids[:, 0] % 3)


def with_padding(attend: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, pad: merged(attend(heads(x), heads(x), heads(x), pad))


@pytest.mark.parametrize(
    ("look", "on_padding", "on_real", "zero_one"),
    [
        (with_padding(lambda q, k, v, pad: SDPA(q, k, v)), 1.0, 1.0, False),
        (with_padding(lambda q, k, v, pad: SDPA(q, k, v, ~pad[:, None, None])), 0.0, 1.0, False),
        (with_padding(lambda q, k, v, pad: SDPA(q, k, v, pad[:, None, None])), 1.0, 0.0, False),
        (with_padding(lambda q, k, v, pad: SDPA(q, k, v, (~pad).float()[:, None, None])), 1.0, 1.0, True),
        (with_padding(lambda q, k, v, pad: SDPA(q, k, v, pad[:, None, None] * -1e9)), 0.0, 1.0, False),
    ],
    ids=["none", "right", "inverted", "zeros and ones", "added"],
)
def test_keys_that_are_padding_are_counted(
    tmp_path: Path, look: Callable[[Tensor, Tensor], Tensor], on_padding: float, on_real: float, zero_one: bool
) -> None:
    fact = facts_of(tmp_path, AttentionCall, Classifier(look), classes)[-1]
    assert fact.padding is not None
    assert fact.padding > 0.2
    assert (fact.on_padding, fact.on_real, fact.zero_one) == (on_padding, on_real, zero_one)


@pytest.mark.parametrize(("inverted", "on_padding", "on_real"), [(False, 0.0, 1.0), (True, 1.0, 0.0)])
def test_the_mask_of_padding_of_a_module_is_read(
    tmp_path: Path, inverted: bool, on_padding: float, on_real: float
) -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    model = Classifier(lambda x, pad: attention(x, x, x, key_padding_mask=pad ^ inverted)[0])
    fact = facts_of(tmp_path, AttentionCall, model, classes)[-1]
    assert (fact.on_padding, fact.on_real) == (on_padding, on_real)


def test_weights_of_classes_are_no_attention(tmp_path: Path) -> None:
    class Classes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(12, 8), nn.Linear(8, 3)

        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.embedding(ids)).softmax(dim=-1).mean(dim=1)

    assert not facts_of(tmp_path, AttentionCall, Classes(), classes)


def test_nested_attention_is_left_alone() -> None:
    query = torch.nested.nested_tensor([torch.randn(2, 3, 4), torch.randn(2, 5, 4)], layout=torch.jagged)
    assert looked_at(SDPA, (query, query, query), {"attn_mask": query}, query) is None


def test_weights_of_no_keys_are_no_attention() -> None:
    weights = torch.zeros(5, 0, 0)
    assert looked_at(torch.softmax, (weights, -1), {}, weights) is None


def test_a_mask_that_is_all_equal_is_uniform() -> None:
    query = torch.randn(2, 1, 3, 4)
    looked = looked_at(SDPA, (query, query, query, torch.ones(3, 3, dtype=torch.bool)), {}, query)
    assert isinstance(looked, Looked)
    assert looked.uniform


@pytest.mark.parametrize(
    ("look", "by_query"),
    [
        (fused(), False),
        (fused(is_causal=True), True),
        (fused(attn_mask=torch.ones(1, 1, dtype=torch.bool)), False),
        (multi_head(attn_mask=ABOVE), True),
        (lambda x: SDPA(x, x, x, BELOW), True),
        (by_hand(None), False),
        (by_hand(ABOVE), True),
        (lambda x: added(x, torch.zeros(1, 1, LENGTH - 1)), False),
        (lambda x: added(x, ABOVE * -1e9), True),
        (lambda x: added(x, torch.arange(LENGTH - 1.0) - torch.arange(LENGTH - 1.0).unsqueeze(1)), True),
    ],
)
def test_a_mask_that_differs_by_query_is_noted(
    tmp_path: Path, look: Callable[[Tensor], Tensor], by_query: bool
) -> None:
    (fact,) = facts_of(tmp_path, AttentionCall, Attending(look), next_token)
    assert fact.by_query is by_query


def unexchanged(x: Tensor) -> Tensor:
    parts = x.view(*x.shape[:2], 2, 4)
    return SDPA(parts, parts, parts).flatten(2)


@pytest.mark.parametrize(("look", "of_heads"), [(unexchanged, True), (fused(), False)])
@pytest.mark.parametrize("of_ids", [True, False])
def test_heads_that_look_at_each_other_are_noted(
    tmp_path: Path, look: Callable[[Tensor], Tensor], of_heads: bool, of_ids: bool
) -> None:
    class Series(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.head = nn.Linear(3, 8), nn.Linear(8, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(look(self.first(x)).mean(dim=1))

    def regress(model: nn.Module) -> Tensor:
        values = torch.randn(16, LENGTH, 3)
        return F.mse_loss(model(values)[:, 0], values.mean(dim=(1, 2)))

    model, step = (Attending(look), next_token) if of_ids else (Series(), regress)
    found = facts_of(tmp_path, AttentionCall, model, step)
    assert [fact.of_heads for fact in found] == ([of_heads] if of_ids or of_heads else [])

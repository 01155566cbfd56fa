"""Targets that stand in the input at their place, beside those that one id hides."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.observe.collectors.sequences import LENGTH, TOKENS, facts_of, padded, text
from unstuck.record.facts import ScoredPositions


class Copying(nn.Module):
    """Nearly sure of the token that it is given; of the mask, which is the last id, of none."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.scale = nn.Embedding(TOKENS, TOKENS), nn.Parameter(torch.tensor(20.0))
        self.embedding.weight.data = torch.eye(TOKENS)
        self.embedding.weight.data[-1] = 0.0

    def forward(self, ids: Tensor) -> Tensor:
        return self.embedding(ids) * self.scale


def scored(
    folder: Path,
    labels: Callable[[Tensor, Tensor], Tensor],
    *,
    batch: Callable[[], Tensor] = text,
    hidden: float = 0.2,
    first: bool = False,
) -> ScoredPositions:
    def step(model: nn.Module) -> Tensor:
        ids = batch() % (TOKENS - 1)
        chosen = torch.rand(ids.shape) < hidden
        inputs, wanted = ids.masked_fill(chosen, TOKENS - 1), labels(ids, chosen)
        if first:
            return F.cross_entropy(model(inputs.T).flatten(0, 1), wanted.T.flatten())
        return F.cross_entropy(model(inputs).transpose(1, 2), wanted)

    return facts_of(folder, ScoredPositions, Copying(), step)[0]


@pytest.mark.parametrize("first", [False, True], ids=["examples first", "positions first"])
def test_tokens_that_are_not_masked_are_copied(tmp_path: Path, first: bool) -> None:
    fact = scored(tmp_path, lambda ids, chosen: ids, first=first)
    assert (fact.copied, fact.hidden_by) == (pytest.approx(0.8, abs=0.08), TOKENS - 1)
    assert fact.loss_copied == pytest.approx(0.0, abs=0.01)
    assert fact.loss_hidden == pytest.approx(math.log(TOKENS), abs=0.01)


def test_padding_is_not_counted(tmp_path: Path) -> None:
    fact = scored(tmp_path, lambda ids, chosen: ids, batch=lambda: padded(64), hidden=0.3)
    assert 0.5 < fact.copied < 0.85 or fact.hidden_by is None


@pytest.mark.parametrize(
    "labels",
    [
        lambda ids, chosen: ids.masked_fill(~chosen, -100),
        lambda ids, chosen: ids.masked_fill(chosen, -100),
        lambda ids, chosen: (ids + 1) % (TOKENS - 1),
        lambda ids, chosen: ids.masked_fill(chosen, TOKENS - 1),
    ],
    ids=["masked alone", "others alone", "other tokens", "the mask is asked for"],
)
def test_other_targets_are_left_alone(tmp_path: Path, labels: Callable[[Tensor, Tensor], Tensor]) -> None:
    assert scored(tmp_path, labels).hidden_by is None


class Kinds(Copying):
    """Beside the tokens, with tables of the kinds of tokens and of their positions."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds, self.places = nn.Embedding(2, TOKENS), nn.Embedding(LENGTH, TOKENS)

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1]).expand_as(ids)
        beside = self.kinds(torch.zeros_like(ids)) + self.places(places)
        return super().forward(ids) + 0.01 * beside


class Decoding(Copying):
    """With a decoder that is given the targets before; ``forget`` exchanges some of them."""

    def __init__(self, *, forget: float = 0.0) -> None:
        super().__init__()
        self.decoder, self.forget = nn.Embedding(TOKENS + 1, TOKENS), forget

    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids) + 0.01 * self.decoder(self.before)

    def ask(self, wanted: Tensor) -> None:
        before = torch.cat([torch.full_like(wanted[:, :1], TOKENS), wanted[:, :-1]], dim=1)
        self.before = before.masked_fill(torch.rand(before.shape) < self.forget, TOKENS)


def asked_of(folder: Path, model: nn.Module) -> ScoredPositions:
    def step(model: nn.Module) -> Tensor:
        ids = text() % (TOKENS - 1)
        if isinstance(model, Decoding):
            model.ask(ids)
        return F.cross_entropy(model(ids.masked_fill(torch.rand(ids.shape) < 0.2, TOKENS - 1)).transpose(1, 2), ids)

    return facts_of(folder, ScoredPositions, model, step)[0]


def test_kinds_and_positions_of_tokens_are_no_tokens(tmp_path: Path) -> None:
    fact = asked_of(tmp_path, Kinds())
    assert (fact.copied, fact.hidden_by) == (pytest.approx(0.8, abs=0.08), TOKENS - 1)


@pytest.mark.parametrize("forget", [0.0, 0.3])
def test_with_a_decoder_all_tokens_are_asked_for_on_purpose(tmp_path: Path, forget: float) -> None:
    assert asked_of(tmp_path, Decoding(forget=forget)).hidden_by is None

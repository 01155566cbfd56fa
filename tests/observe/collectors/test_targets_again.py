"""Targets of sequences that come again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from tests.observe.collectors.sequences import TOKENS, facts_of
from unstuck.record.facts import TargetsAgain


class Last(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.cell = nn.Embedding(TOKENS, 8), nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.cell(self.embedding(ids))[0][:, -1])


def batches(*, labels_too: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Sequences that are sorted by length in a list."""
    generator = torch.Generator().manual_seed(3)
    sequences = [torch.randint(1, TOKENS, (length,), generator=generator) for length in range(3, 27)]
    labels = torch.arange(24) % 2
    while True:
        for rows in torch.randperm(24, generator=generator).split(8):
            order = sorted(range(8), key=lambda at: -len(sequences[rows[at]]))
            taken = [rows[at] for at in order]
            yield (
                pad_sequence([sequences[at] for at in taken], batch_first=True),
                torch.stack([labels[at] for at in taken]) if labels_too else labels[rows],
            )


@pytest.mark.parametrize("labels_too", [True, False])
def test_targets_that_stay_behind_change_from_epoch_to_epoch(tmp_path: Path, labels_too: bool) -> None:
    data = batches(labels_too=labels_too)

    def step(model: nn.Module) -> Tensor:
        ids, labels = next(data)
        return F.cross_entropy(model(ids), labels)

    (fact,) = facts_of(tmp_path, TargetsAgain, Last(), step, steps=12)
    assert fact.again >= 48
    assert fact.chance == pytest.approx(0.5, abs=0.02)
    assert fact.same == 1.0 if labels_too else fact.same < 0.75
    assert fact.by_length == 1.0
    assert fact.line is not None


def test_examples_that_are_more_than_their_ids_are_left_alone(tmp_path: Path) -> None:
    class Both(Last):
        def forward(self, ids: Tensor, beside: Tensor) -> Tensor:
            return super().forward(ids) + beside

    ids = torch.randint(1, TOKENS, (8, 5))

    def step(model: nn.Module) -> Tensor:
        return F.cross_entropy(model(ids, torch.randn(8, 1)), torch.randint(2, (8,)))

    assert not facts_of(tmp_path, TargetsAgain, Both(), step, steps=4)


@pytest.mark.parametrize("time_first", [False, True])
def test_tokens_of_a_batch_of_one_are_no_sequences(tmp_path: Path, time_first: bool) -> None:
    class Next(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(TOKENS, 8), nn.Linear(8, TOKENS)

        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.embedding(ids))

    def step(model: nn.Module) -> Tensor:
        ids = torch.randint(TOKENS, (1, 7))
        batch = ids[:, :-1].T if time_first else ids[:, :-1]
        return F.cross_entropy(model(batch).flatten(0, 1), ids[:, 1:].flatten())

    assert not facts_of(tmp_path, TargetsAgain, Next(), step, steps=12)


def test_tokens_that_may_follow_the_same_ones_are_left_alone(tmp_path: Path) -> None:
    class Following(Last):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(8, TOKENS)

    ids = torch.randint(1, TOKENS, (8, 2))

    def step(model: nn.Module) -> Tensor:
        return F.cross_entropy(model(ids), torch.randint(TOKENS, (8,)))

    assert not facts_of(tmp_path, TargetsAgain, Following(), step, steps=4)

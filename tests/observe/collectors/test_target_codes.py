"""By which ids targets name the tokens of a sequence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.observe.collectors.sequences import TOKENS, facts_of, text
from unstuck.observe.collectors.embedded_ids import Embedded
from unstuck.observe.collectors.target_codes import _only  # pyright: ignore[reportPrivateUsage]
from unstuck.record.facts import TargetCode

CODE = torch.randperm(TOKENS, generator=torch.Generator().manual_seed(1))
MASK = TOKENS - 1


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.cell = nn.Embedding(TOKENS, 8), nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, TOKENS + 1)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.cell(self.embedding(ids))[0])


def code(folder: Path, asked: Callable[[Tensor], Tensor]) -> TargetCode:
    def step(model: nn.Module) -> Tensor:
        ids = text()
        return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), asked(ids).flatten())

    return facts_of(folder, TargetCode, Model(), step)[0]


def test_the_next_token_under_another_id_is_told_from_the_token_itself(tmp_path: Path) -> None:
    other = code(tmp_path / "other", lambda ids: CODE[ids[:, 1:]])
    assert other.explained == 1.0
    assert other.renamed > 0.5
    assert other.by_own < 0.5
    assert other.ids >= TOKENS - 1
    same = code(tmp_path / "same", lambda ids: ids[:, 1:])
    assert (same.explained, same.renamed) == (1.0, 0.0)
    cipher = code(tmp_path / "cipher", lambda ids: CODE[ids[:, :-1]])
    assert cipher.by_own == 1.0
    assert cipher.explained < 0.5


def test_labels_that_are_masked_along_with_the_input_are_the_mask(tmp_path: Path) -> None:
    def only(folder: Path, *, copied: bool) -> int | None:
        def step(model: nn.Module) -> Tensor:
            ids = text() % MASK
            labels = ids.clone() if copied else ids
            chosen = torch.rand(ids.shape) < 0.3
            ids[chosen] = MASK
            return F.cross_entropy(model(ids)[chosen], labels[chosen])

        return facts_of(folder, TargetCode, Model(), step)[0].only

    assert only(tmp_path / "same", copied=False) == MASK
    assert only(tmp_path / "copied", copied=True) is None


def test_in_a_vocabulary_of_one_no_id_is_a_mask(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        ids = torch.zeros_like(text())
        return F.cross_entropy(model(ids).flatten(0, 1), ids.flatten())

    assert facts_of(tmp_path, TargetCode, Model(), step)[0].only is None


def test_ids_that_begin_at_another_number_are_no_other_vocabulary(tmp_path: Path) -> None:
    assert code(tmp_path, lambda ids: ids[:, 1:] + 1).renamed == 0.0


@pytest.mark.parametrize(("column", "found"), [(True, None), (False, 0)])
def test_a_start_of_each_sequence_is_no_mask(column: bool, found: int | None) -> None:
    ids = torch.randint(1, 9, (6, 5))
    ids[torch.arange(6), torch.zeros(6, dtype=torch.long) if column else torch.arange(6) % 5] = 0
    asked = torch.zeros(6, dtype=torch.long)
    assert _only(asked, [Embedded(ids, torch.zeros(6, 5, 2), None, 9)]) == found

"""Which targets of a sequence are scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.observe.collectors.sequences import LENGTH, TOKENS, facts_of, padded, text
from unstuck.record.facts import ScoredPositions


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.cell = nn.Embedding(TOKENS, 8), nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, TOKENS)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.cell(self.embedding(ids))[0])


def scored(folder: Path, labels: Callable[[Tensor], Tensor], batch: Callable[[], Tensor] = padded) -> ScoredPositions:
    def step(model: nn.Module) -> Tensor:
        ids = batch()
        wanted = labels(ids[:, 1:].clone())
        return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), wanted.flatten())

    return facts_of(folder, ScoredPositions, Model(), step)[0]


def test_padding_is_scored_unless_it_is_left_out(tmp_path: Path) -> None:
    fact = scored(tmp_path / "all", lambda target: target)
    assert fact.scored == 1.0
    assert fact.scored_padding == pytest.approx(fact.padding)
    assert fact.padding > 0.3
    fact = scored(tmp_path / "real", lambda target: target.masked_fill(target == 0, -100))
    assert fact.scored_real == pytest.approx(1.0, abs=0.2)
    assert fact.scored_padding < 0.05
    assert fact.line is not None


def test_an_inverted_mask_scores_padding_only(tmp_path: Path) -> None:
    fact = scored(tmp_path, lambda target: target.masked_fill(target != 0, -100))
    assert fact.scored_real < 0.2
    assert fact.scored_padding > 0.8


def test_the_beginning_and_the_answer_are_told_apart(tmp_path: Path) -> None:
    def part(first: bool) -> ScoredPositions:
        behind = torch.arange(LENGTH - 1) >= 5
        return scored(
            tmp_path / str(first), lambda target: target.masked_fill(behind if first else ~behind, -100), text
        )

    beginning, answer = part(True), part(False)
    assert (beginning.leading, beginning.trailing) == (1.0, 0.0)
    assert (answer.leading, answer.trailing) == (0.0, 1.0)


@pytest.mark.parametrize("several", [False, True])
def test_one_id_behind_what_is_scored_is_no_answer(several: bool, tmp_path: Path) -> None:
    behind = torch.arange(LENGTH) >= LENGTH - 6

    def batch() -> Tensor:
        return text() if several else text().masked_fill(behind, 1)

    fact = scored(tmp_path, lambda target: target.masked_fill(behind[1:], -100), batch)
    assert fact.leading == float(several)


def test_a_factor_of_zero_leaves_out_too(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        ids = padded()
        target = ids[:, 1:]
        each = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), target.flatten(), reduction="none")
        mask = (target != 0).flatten()
        return (each * mask).sum() / mask.sum()

    (fact, *_) = facts_of(tmp_path, ScoredPositions, Model(), step)
    assert fact.scored < 0.8
    assert fact.scored_padding < 0.05


def test_a_model_whose_graph_runs_the_programs_code_is_left_alone(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        ids = padded()
        logits = model(ids[:, :-1])
        logits.register_hook(lambda gradient: gradient)
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    assert not facts_of(tmp_path, ScoredPositions, Model(), step)


def test_a_class_that_has_the_id_of_padding_is_told_from_padding(tmp_path: Path) -> None:
    class Tagger(Model):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(8, 4)

    def step(model: nn.Module) -> Tensor:
        ids = padded()
        return F.cross_entropy(model(ids).flatten(0, 1), (ids % 4).flatten(), ignore_index=0)

    fact = facts_of(tmp_path / "tags", ScoredPositions, Tagger(), step)[0]
    assert fact.ignored == 0
    assert fact.ignored_real == pytest.approx(0.2, abs=0.15)
    assert fact.ignored_ids in (1, 2)  # 4 and 8
    assert scored(tmp_path / "tokens", lambda target: target).ignored is None


@pytest.mark.parametrize(("late", "before"), [(0, None), (1, TOKENS)])
def test_the_token_behind_a_prompt_is_scored_or_not(tmp_path: Path, late: int, before: int | None) -> None:
    class Answering(Model):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(TOKENS + 1, 8)

    def step(model: nn.Module) -> Tensor:
        asked = torch.randint(0, 4, (32, 2))
        answer = torch.cat([asked.sum(dim=1, keepdim=True), asked], dim=1)
        ids = torch.cat([asked, torch.full((32, 1), TOKENS), answer], dim=1)
        wanted = ids[:, 1:].clone()
        wanted[:, : 2 + late] = -100
        return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), wanted.flatten())

    fact = facts_of(tmp_path, ScoredPositions, Answering(), step)[0]
    assert fact.before == before
    if late:
        assert fact.again >= 10
        assert fact.followed == 1.0
        assert fact.followers >= 4


@pytest.mark.parametrize("fault", [True, False])
def test_the_id_behind_each_sequence_is_found_where_it_is_never_scored(tmp_path: Path, fault: bool) -> None:
    def labels(target: Tensor) -> Tensor:
        first = (target == 0).long().cumsum(dim=1) == 1
        return target.masked_fill((target == 0) & (fault | ~first), -100)

    fact = scored(tmp_path, labels)
    assert fact.behind == (0 if fault else None)
    assert (fact.longest > 0) is fault

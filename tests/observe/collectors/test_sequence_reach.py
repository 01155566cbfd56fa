"""Which positions of a sequence outputs rest on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

import unstuck
from tests.observe.collectors.sequences import LENGTH, TOKENS, Attending, facts_of, next_token, padded, text
from unstuck.observe.autograd.extra_pass import CHECKPOINTS
from unstuck.record import Run
from unstuck.record.facts import AttentionCall, ScoredPositions, SequenceReach, UnfollowedSequence, Unread

torch.manual_seed(0)  # models are made where tests are collected
SDPA = F.scaled_dot_product_attention


class Recurrent(nn.Module):
    def __init__(self, *, both: bool = False, kind: Any = nn.LSTM) -> None:
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, 8)
        self.cell = kind(8, 8, batch_first=True, bidirectional=both)
        self.head = nn.Linear(16 if both else 8, TOKENS)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.cell(self.embedding(ids))[0])


class Packed(Recurrent):
    def forward(self, ids: Tensor) -> Tensor:
        lengths = (ids != 0).sum(dim=1).clamp(min=1)
        packed = pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
        output, _ = pad_packed_sequence(self.cell(packed)[0], batch_first=True, total_length=ids.shape[1])
        return self.head(output)


class Convolved(nn.Module):
    def __init__(self, front: int, behind: int) -> None:
        super().__init__()
        self.embedding, self.layer = nn.Embedding(TOKENS, 8), nn.Conv1d(8, 8, 3)
        self.sides, self.head = (front, behind), nn.Linear(8, TOKENS)

    def forward(self, ids: Tensor) -> Tensor:
        hidden = F.pad(self.embedding(ids).transpose(1, 2), self.sides)
        return self.head(self.layer(hidden).transpose(1, 2))


def causal(hidden: Tensor) -> Tensor:
    return SDPA(hidden, hidden, hidden, is_causal=True)


def everywhere(hidden: Tensor) -> Tensor:
    return SDPA(hidden, hidden, hidden)


def one_too_wide(hidden: Tensor) -> Tensor:
    length = hidden.shape[1]
    return SDPA(hidden, hidden, hidden, attn_mask=torch.ones(length, length).tril(1).bool())


def first(folder: Path, model: nn.Module, step: Callable[[nn.Module], Tensor] = next_token) -> SequenceReach:
    return facts_of(folder, SequenceReach, model, step)[0]


@pytest.mark.parametrize(
    "model",
    [Attending(causal), Recurrent(), Recurrent(kind=nn.GRU), Packed(), Convolved(2, 0)],
    ids=["attention", "lstm", "gru", "packed", "convolution"],
)
def test_what_is_causal_rests_on_nothing_behind(tmp_path: Path, model: nn.Module) -> None:
    fact = first(tmp_path, model)
    assert (fact.offset, fact.answer, fact.later) == (1, 0.0, 0.0)
    assert fact.earlier > 0
    assert fact.own > 0


@pytest.mark.parametrize(
    "model",
    [Attending(everywhere), Attending(one_too_wide), Recurrent(both=True), Convolved(1, 1)],
    ids=["attention", "one too wide", "both directions", "convolution"],
)
def test_what_reads_ahead_rests_on_the_answer(tmp_path: Path, model: nn.Module) -> None:
    fact = first(tmp_path, model)
    assert fact.offset == 1
    assert fact.answer > 0.01
    assert fact.direct is not None
    assert fact.direct > 0.01


def test_one_position_ahead_is_all_behind(tmp_path: Path) -> None:
    fact = first(tmp_path, Attending(one_too_wide))
    assert fact.later == pytest.approx(fact.answer)


def copied(model: nn.Module) -> Tensor:
    ids = text()
    return F.cross_entropy(model(ids).flatten(0, 1), ids.flatten())


def test_targets_that_are_not_shifted_rest_on_themselves(tmp_path: Path) -> None:
    fact = first(tmp_path / "attention", Attending(causal), copied)
    assert fact.offset == 0
    assert fact.own > 0.5
    assert fact.direct is not None
    assert fact.direct > 0.5
    fact = first(tmp_path / "code", Coded(), copied)
    assert (fact.offset, fact.direct) == (0, 0.0)
    assert fact.own > 0.1


class Deciding(nn.Module):
    """States and actions take turns; the output for an action comes from its state, or from itself."""

    def __init__(self, *, itself: bool, attend: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.states, self.actions = nn.Embedding(TOKENS, 8), nn.Embedding(TOKENS, 8)
        self.head, self.itself, self.attend = nn.Linear(8, TOKENS), itself, attend

    def forward(self, actions: Tensor) -> Tensor:
        turns = torch.stack([self.states((actions * 3 + 1) % TOKENS), self.actions(actions)], 2).flatten(1, 2)
        return self.head(self.attend(turns)[:, int(self.itself) :: 2])


@pytest.mark.parametrize(("itself", "attend"), [(True, causal), (False, everywhere)])
def test_actions_among_states_are_seen_where_they_are_asked_for(tmp_path: Path, itself: bool, attend: Any) -> None:
    fact = first(tmp_path, Deciding(itself=itself, attend=attend), copied)
    assert (fact.offset, fact.sequences, fact.answers) == (0, 2, 1)
    assert min(fact.own, fact.direct or 0.0) > 0.1


def test_actions_that_follow_from_their_states_are_not(tmp_path: Path) -> None:
    fact = first(tmp_path, Deciding(itself=False, attend=causal), copied)
    assert (fact.offset, fact.own) == (0, 0.0)


class Coded(nn.Module):
    """An autoencoder with one vector for two positions."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(TOKENS, 8), nn.Linear(8, TOKENS)
        self.down, self.up = nn.Conv1d(8, 8, 2, stride=2), nn.ConvTranspose1d(8, 8, 2, stride=2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.up(self.down(self.embedding(ids).transpose(1, 2))).transpose(1, 2))


class Last(Recurrent):
    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids)[:, -1]


class Mean(Recurrent):
    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.embedding(ids).repeat(1, 1, 1).mean(dim=1))


class MaskedMean(Recurrent):
    def forward(self, ids: Tensor) -> Tensor:
        real = (ids != 0).unsqueeze(-1)
        return self.head((self.embedding(ids) * real).sum(dim=1) / real.sum(dim=1))


class LastOfPacked(Recurrent):
    def forward(self, ids: Tensor) -> Tensor:
        lengths = (ids != 0).sum(dim=1).clamp(min=1)
        packed = pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.cell(packed)[1][0][-1])


def classes(model: nn.Module) -> Tensor:
    ids = padded()
    return F.cross_entropy(model(ids), ids[:, 0])


@pytest.mark.parametrize(
    ("model", "low", "high"),
    [(Last(), 0.9, 1.0), (Mean(), 0.7, 0.9), (MaskedMean(), 0.0, 0.0), (LastOfPacked(), 0.0, 0.0)],
    ids=["last state", "mean", "mean of the real ones", "packed"],
)
def test_the_share_of_padding_is_that_of_the_gradient(
    tmp_path: Path, model: nn.Module, low: float, high: float
) -> None:
    fact = first(tmp_path, model, classes)
    assert fact.offset is None
    assert fact.padding is not None
    assert fact.padding > 0.3
    assert fact.on_padding is not None
    assert low <= fact.on_padding <= high


def test_positions_that_no_output_reads_are_counted(tmp_path: Path) -> None:
    class Cut(Recurrent):
        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.embedding(ids)[:, :4].mean(dim=1))

    def step(model: nn.Module) -> Tensor:
        ids = text()
        return F.cross_entropy(model(ids), ids[:, 0])

    assert first(tmp_path, Cut(), step).unread == pytest.approx(0.6)


@pytest.mark.parametrize(("kept", "cut"), [(slice(None, 6), 4), (slice(-4, None), 6), (slice(None), 0)])
def test_positions_that_are_cut_within_the_model_are_counted(tmp_path: Path, kept: slice, cut: int) -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(TOKENS, 8), nn.Linear(8, 3)

        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.embedding(ids[:, kept]).mean(dim=1))

    def step(model: nn.Module) -> Tensor:
        ids = torch.randint(1, TOKENS, (64, 10))
        return F.cross_entropy(model(ids), ids[:, 0] % 3)

    assert [fact.cut for fact in facts_of(tmp_path, SequenceReach, Cut(), step)][:1] == [pytest.approx(cut, abs=1)]


def test_padding_that_is_cut_off_is_not_counted(tmp_path: Path) -> None:
    class Trimmed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(TOKENS, 8, padding_idx=0), nn.Linear(8, 3)

        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.embedding(ids[:, : int((ids > 0).sum(dim=1).max())]).mean(dim=1))

    def step(model: nn.Module) -> Tensor:
        ids = F.pad(padded(), (0, 8))
        return F.cross_entropy(model(ids), ids[:, 0] % 3)

    assert {fact.cut for fact in facts_of(tmp_path, SequenceReach, Trimmed(), step)} == {0}


def test_a_graph_with_hooks_of_the_program_is_left_alone(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        ids = text()
        logits = model(ids[:, :-1])
        logits.register_hook(lambda gradient: gradient)
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    assert not facts_of(tmp_path, SequenceReach, Attending(causal), step)


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_runs_as_often_as_without_us_and_is_said_once(tmp_path: Path, reentrant: bool) -> None:
    runs = 0

    def counted(hidden: Tensor) -> Tensor:
        nonlocal runs
        runs += 1
        return causal(hidden)

    model = Attending(lambda hidden: checkpoint(counted, hidden, use_reentrant=reentrant))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    with unstuck.watch(model, optimizer, out=tmp_path / "run"):
        for _ in range(3):
            optimizer.zero_grad()
            next_token(model).backward()
            optimizer.step()
    assert runs == 6
    with Run.open(tmp_path / "run") as run:
        assert not run.facts(SequenceReach)
        assert [(fact.collector, fact.error) for fact in run.facts(Unread)] == [("SequenceReaches", CHECKPOINTS)]
        assert run.facts(ScoredPositions), "between the loss and the outputs there is no checkpoint"
        (left,) = run.facts(UnfollowedSequence)
        assert (left.offset, left.length, left.sequences) == (1, LENGTH - 1, 1)
        assert [call.next for call in run.facts(AttentionCall)] == [0.0], "seen also where gradients are off"


def test_a_checkpoint_of_no_sequence_of_ids_is_not_spoken_of(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        return F.cross_entropy(checkpoint(model, torch.randn(16, 8), use_reentrant=False), torch.arange(16) % 4)

    assert not facts_of(tmp_path, SequenceReach, nn.Linear(8, 4), step)


@pytest.mark.parametrize("ids", [torch.zeros(1, 6, dtype=torch.long), torch.zeros(4, 1, dtype=torch.long)])
def test_vocabularies_and_batches_of_one_are_no_harm(tmp_path: Path, ids: Tensor) -> None:
    def step(model: nn.Module) -> Tensor:
        return F.cross_entropy(model(ids).flatten(0, 1), ids.flatten())

    facts_of(tmp_path, SequenceReach, Attending(everywhere, outputs=1), step)


def test_attention_without_positions_treats_them_alike(tmp_path: Path) -> None:
    class Unplaced(Attending):
        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.look(self.embedding(ids)))

    def masked(model: nn.Module) -> Tensor:
        return F.cross_entropy(model(text()).flatten(0, 1), text().flatten())

    fact = first(tmp_path / "without", Unplaced(everywhere), masked)
    assert (fact.alike, fact.each) == (True, True)
    assert not first(tmp_path / "with", Attending(everywhere), masked).alike


class Translating(nn.Module):
    """An encoder and a decoder, of which neither has a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(TOKENS, 8), nn.Embedding(TOKENS, 8)
        self.layers = nn.Transformer(8, 2, 1, 1, 16, 0.0, batch_first=True)
        self.head = nn.Linear(8, TOKENS)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.layers(self.source(ids.flip(1)), self.target(ids)))


def test_attention_to_the_sequence_of_the_answer_is_told_from_that_to_another(tmp_path: Path) -> None:
    assert first(tmp_path, Translating()).attended == ("layers.decoder.layers.0.self_attn",)


def test_attention_that_is_written_out_is_told_too(tmp_path: Path) -> None:
    assert first(tmp_path, Attending(lambda x: (x @ x.transpose(1, 2)).softmax(dim=-1) @ x)).attended == ("",)

"""Targets found again among the inputs of a sequence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import unstuck
from unstuck.observe.collectors.target_offsets import left_out
from unstuck.record import Run
from unstuck.record.facts import TargetOffset

LENGTH, TOKENS = 12, 30
Step = Callable[[nn.Module, Tensor], Tensor]


class Model(nn.Module):
    """A recurrent model of a language, which takes the loss itself, with a shift, if it is given labels."""

    def __init__(self, *, first: bool = True, heads: int = 1) -> None:
        super().__init__()
        self.embedding, self.cell = nn.Embedding(TOKENS, 8), nn.GRU(8, 8, batch_first=first)
        self.head = nn.Linear(8, TOKENS * heads)

    def forward(self, ids: Tensor, labels: Tensor | None = None) -> Tensor:
        logits = self.head(self.cell(self.embedding(ids))[0])
        return logits if labels is None else shifted(logits, labels)


class OneHot(Model):
    def forward(self, ids: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.head(self.cell(ids @ self.embedding.weight)[0])


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.reshape(-1, TOKENS), labels.reshape(-1))


def shifted(logits: Tensor, labels: Tensor) -> Tensor:
    return loss(logits[:, :-1], labels[:, 1:])


def offsets(folder: Path, step: Step, model: nn.Module | None = None) -> list[TargetOffset]:
    torch.manual_seed(0)
    model = Model() if model is None else model
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    with unstuck.watch(model, optimizer, out=folder / "run"):
        for _ in range(12):
            value = step(model, torch.randint(TOKENS, (16, LENGTH + 2)))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    with Run.open(folder / "run") as run:
        return list(run.facts(TargetOffset))


def asked(folder: Path, step: Step, model: nn.Module | None = None) -> list[tuple[int, ...]]:
    return [fact.asks(within=0.0) for fact in offsets(folder, step, model)]


STEPS: dict[str, tuple[int, Step]] = {
    "next": (1, lambda model, text: loss(model(text[:, :-1]), text[:, 1:])),
    "shifted in the loss": (1, lambda model, text: shifted(model(text), text)),
    "shifted in the model": (1, lambda model, text: model(text, labels=text)),
    "over classes": (1, lambda model, text: F.cross_entropy(model(text[:, :-1]).transpose(1, 2), text[:, 1:])),
    "logarithms": (
        1,
        lambda model, text: F.nll_loss(model(text)[:, :-1].log_softmax(-1).flatten(0, 1), text[:, 1:].flatten()),
    ),
    "the answer alone": (1, lambda model, text: loss(model(text)[:, 3:-1], text[:, 4:])),
    "two at the end": (1, lambda model, text: loss(model(text)[:, -3:-1], text[:, -2:])),
    "the same": (0, lambda model, text: loss(model(text), text)),
    "the one before": (-1, lambda model, text: loss(model(text[:, 1:]), text[:, :-1])),
    "twice in the loss": (2, lambda model, text: shifted(model(text[:, :-1]), text[:, 1:])),
    "twice in the model": (2, lambda model, text: model(text[:, :-1], labels=text[:, 1:])),
    "twice in the data": (2, lambda model, text: loss(model(text[:, :-2]), text[:, 2:])),
}


@pytest.mark.parametrize("way", STEPS)
def test_the_offset_that_a_loss_asks_for(tmp_path: Path, way: str) -> None:
    offset, step = STEPS[way]
    assert asked(tmp_path, step) == [(offset,)]


def test_what_the_loss_drops_and_where_it_is_called_is_kept(tmp_path: Path) -> None:
    (fact,) = offsets(tmp_path, STEPS["twice in the loss"][1])
    assert (fact.dropped, fact.positions > 1000) == (1, True)
    assert fact.file == __file__
    assert fact.line is not None


def test_positions_may_come_first(tmp_path: Path) -> None:
    def step(model: nn.Module, text: Tensor) -> Tensor:
        return loss(model(text.T[:-1]), text.T[1:])

    assert asked(tmp_path, step, Model(first=False)) == [(1,)]


def test_inputs_may_be_one_hot(tmp_path: Path) -> None:
    def step(model: nn.Module, text: Tensor) -> Tensor:
        return shifted(model(F.one_hot(text[:, :-1], TOKENS).float()), text[:, 1:])

    assert asked(tmp_path, step, OneHot()) == [(2,)]


def test_several_heads_are_told_apart(tmp_path: Path) -> None:
    def step(model: nn.Module, text: Tensor) -> Tensor:
        heads = model(text[:, :LENGTH]).view(16, LENGTH, 2, TOKENS)
        return sum(loss(heads[:, :, i], text[:, 1 + i : 1 + i + LENGTH]) for i in range(2))  # pyright: ignore

    assert asked(tmp_path, step, Model(heads=2)) == [(1,), (2,)]


def test_ignored_targets_do_not_count(tmp_path: Path) -> None:
    def step(model: nn.Module, text: Tensor) -> Tensor:
        return loss(model(text[:, :-1]), text[:, 1:].masked_fill(torch.rand(16, LENGTH + 1) < 0.5, -100))

    assert asked(tmp_path, step) == [(1,)]


@pytest.mark.parametrize("way", ["mask", "stride"])
def test_what_cannot_be_placed_is_passed_by(tmp_path: Path, way: str) -> None:
    def step(model: nn.Module, text: Tensor) -> Tensor:
        logits = model(text)
        if way == "stride":
            return loss(logits[:, ::2], text[:, ::2])
        kept = torch.arange(text.shape[1] - 1) % 2 == 0
        return loss(logits[:, :-1][:, kept], text[:, 1:][:, kept])

    assert offsets(tmp_path, step) == []


def test_positions_left_out_are_followed_through_slices_only() -> None:
    logits = torch.zeros(4, 9, 5, requires_grad=True) * 2
    assert left_out(logits) == (0, 0)
    assert left_out(logits[:, 1:][:, :-2].flatten(0, 1)) == (1, 2)
    assert left_out(logits[:, -6:].transpose(1, 2)) == (3, 0)
    assert left_out(logits[:, ::2]) is None
    assert left_out(logits[torch.tensor([0, 2])]) is None

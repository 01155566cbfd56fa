"""Numbers that are asked for are found in the input, and outputs that see them are told from those that do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck import watch
from unstuck.observe.collectors.numbers_ahead import positions_ahead
from unstuck.record import Finding, Run
from unstuck.record.facts import SequenceReach
from unstuck.rules.data.answer_visible import AnswerVisible
from unstuck.testing.rules import outcome

EXAMPLES, LENGTH, FEATURES = 6, 24, 3


class Convolutions(nn.Module):
    """Two convolutions, padded on both sides or on the left alone, by hand or by cutting off."""

    def __init__(self, padding: str, norm: type[nn.Module] = nn.Identity) -> None:
        super().__init__()
        self.padding = padding
        around = {"same": 1, "left": 0, "cut": 2}[padding]
        self.first = nn.Conv1d(FEATURES, 8, 3, padding=around)
        self.norm = norm(8) if norm is not nn.Identity else nn.Identity()
        self.second = nn.Conv1d(8, 8, 3, padding=around)
        self.last = nn.Conv1d(8, FEATURES, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        for layer in (self.first, self.second):
            x = layer(functional.pad(x, (2, 0)) if self.padding == "left" else x)
            x = self.norm(x[..., :-2] if self.padding == "cut" else x).relu()
        return self.last(x).transpose(1, 2)


class Attention(nn.Module):
    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.enter, self.leave = nn.Linear(FEATURES, 8), nn.Linear(8, FEATURES)
        self.places = nn.Parameter(torch.randn(LENGTH, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(LENGTH) if self.causal else None
        return self.leave(self.layer(self.enter(x) + self.places, src_mask=mask))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], *, turned: bool = False, entered: bool = False) -> None:
        super().__init__()
        self.enter = nn.Linear(FEATURES, FEATURES) if entered else nn.Identity()
        self.turned = turned
        self.layer = kind(FEATURES, 8, batch_first=not turned)
        self.leave = nn.Linear(8, FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.layer(self.enter(x))[0])


class Summed(nn.Module):
    """A recurrent autoencoder: its last state is unrolled into the same sequence, one further on."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(FEATURES, 8)
        self.encoder, self.decoder = nn.GRU(8, 8, batch_first=True), nn.GRU(8, 8, batch_first=True)
        self.leave = nn.Linear(8, FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        state = self.encoder(self.enter(x))[1]
        return self.leave(self.decoder(torch.zeros(len(x), LENGTH, 8), state)[0])


class Normalised(nn.Module):
    """Takes level and spread of the whole window off, and gives them back, as models of series that drift do."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.enter, self.norm, self.model = nn.Linear(FEATURES, FEATURES), nn.LayerNorm([LENGTH, FEATURES]), model

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        level, spread = x.mean(dim=1, keepdim=True), x.std(dim=1, keepdim=True) + 1e-3
        return self.model(self.norm((x - level) / spread)) * spread + level


class ByRow(nn.Sequential):
    """Looks at one position at a time."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, FEATURES))


def watched(folder: Path, model: nn.Module, series: Tensor, axis: int = 1) -> Run:
    """Some steps of foretelling a series from the position before."""
    optimizer = torch.optim.Adam(model.parameters())
    kept = series.shape[axis] - 1
    with watch(model, optimizer, out=folder, budget=1.0):
        for _ in range(3):
            functional.mse_loss(model(series.narrow(axis, 0, kept)), series.narrow(axis, 1, kept)).backward()
            optimizer.step()
            optimizer.zero_grad()
    return Run.open(folder)


def series(length: int = LENGTH) -> Tensor:
    return torch.randn(EXAMPLES, length + 1, FEATURES).cumsum(dim=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Convolutions("same"),
        lambda: Convolutions("same", nn.BatchNorm1d),
        lambda: Attention(causal=False),
        lambda: nn.Sequential(Attention(causal=False), Convolutions("left")),
    ],
    ids=["convolutions", "with a norm", "attention", "behind another"],
)
def test_an_output_that_sees_its_answer_is_found(tmp_path: Path, make: Callable[[], nn.Module]) -> None:
    with watched(tmp_path, make(), series()) as run:
        (reach,) = run.facts(SequenceReach)
        (finding,) = outcome(AnswerVisible(), run)
    assert reach.numbers
    assert (reach.offset, reach.length, reach.positions) == (1, LENGTH, EXAMPLES * (LENGTH - 1) * FEATURES)
    assert finding.cause == "answer-visible"
    assert "t + 1" in finding.summary


@pytest.mark.parametrize(
    "make",
    [
        lambda: Convolutions("left"),
        lambda: Convolutions("left", nn.BatchNorm1d),
        lambda: Convolutions("cut"),
        lambda: Normalised(Convolutions("left")),
        lambda: Attention(causal=True),
        lambda: Recurrent(nn.LSTM),
        lambda: Recurrent(nn.GRU, entered=True),
        lambda: Recurrent(nn.LSTM, entered=True),
        Summed,
        ByRow,
    ],
    ids=[
        "padded",
        "with a norm",
        "cut",
        "normalised",
        "masked",
        "lstm",
        "gru",
        "entered",
        "autoencoder",
        "by position",
    ],
)
def test_an_output_that_does_not_is_left_alone(tmp_path: Path, make: Callable[[], nn.Module]) -> None:
    with watched(tmp_path, make(), series()) as run:
        assert not any(isinstance(found, Finding) for found in AnswerVisible().check(run))


def test_positions_may_come_first(tmp_path: Path) -> None:
    with watched(tmp_path, Recurrent(nn.GRU, turned=True, entered=True), series().transpose(0, 1), axis=0) as run:
        (reach,) = run.facts(SequenceReach)
    assert (reach.offset, reach.length, reach.later) == (1, LENGTH, 0.0)
    assert reach.earlier > 0.0


def test_one_feature_may_be_asked_for() -> None:
    values = series()
    ahead = positions_ahead(values[:, 1:, 1], values[:, :-1])
    assert ahead is not None
    assert (ahead.axis, ahead.offset) == (1, 1)
    turned = values.transpose(1, 2)
    assert positions_ahead(turned[:, 2, 2:], turned[..., :-2]) == (1, LENGTH - 1, 2, EXAMPLES * (LENGTH - 3))


def test_what_is_the_same_everywhere_or_lies_behind_is_not_ahead() -> None:
    values = series()
    assert positions_ahead(values[:, :-1], values[:, 1:]) is None
    assert positions_ahead(values, values) is None
    assert positions_ahead(torch.ones(4, 20), torch.ones(4, 20)) is None
    assert positions_ahead(torch.arange(80).view(4, 20), torch.arange(1, 81).view(4, 20)) is None
    assert positions_ahead(values[0, 1:, 0], values[0, :-1, 0]) is None


def test_what_is_turned_around_is_not_ahead() -> None:
    ring = torch.randn(5, 32)
    assert positions_ahead(ring.roll(-1, dims=1), ring) is None


class Taught(nn.Module):
    """An encoder of the past, and a decoder that is given the future one position late."""

    def __init__(self) -> None:
        super().__init__()
        self.past, self.future = nn.Linear(FEATURES, 8), nn.Linear(FEATURES, 8)
        self.encoder = nn.GRU(8, 8, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(8, 16, batch_first=True)
        self.leave = nn.Linear(32, FEATURES)

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        decoded = self.decoder(self.future(future))[0]
        attended = functional.scaled_dot_product_attention(decoded, *[self.encoder(self.past(past))[0]] * 2)
        return self.leave(torch.cat([decoded, attended], dim=-1))


@pytest.mark.parametrize("named", [False, True])
def test_of_several_series_none_is_followed(tmp_path: Path, named: bool) -> None:
    model, values = Taught(), series(2 * LENGTH)
    past, future, wanted = values[:, :LENGTH], values[:, LENGTH:-1], values[:, LENGTH + 1 :]
    optimizer = torch.optim.Adam(model.parameters())
    with watch(model, optimizer, out=tmp_path, budget=1.0):
        for _ in range(3):
            given = model(future=future, past=past) if named else model(past, future)
            functional.mse_loss(given, wanted).backward()
            optimizer.step()
            optimizer.zero_grad()
    with Run.open(tmp_path) as run:
        assert not run.facts(SequenceReach)


def test_positions_that_are_weighed_afterwards_are_not_followed(tmp_path: Path) -> None:
    model, values = Attention(causal=False), series()
    optimizer = torch.optim.Adam(model.parameters())
    with watch(model, optimizer, out=tmp_path, budget=1.0):
        for _ in range(3):
            losses = functional.mse_loss(model(values[:, :-1]), values[:, 1:], reduction="none")
            losses[:, -1].mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    with Run.open(tmp_path) as run:
        assert not run.facts(SequenceReach)


def test_hooks_of_the_program_run_once_for_each_of_its_own_passes(tmp_path: Path) -> None:
    model, calls = Attention(causal=False), list[int]()
    model.leave.register_full_backward_hook(lambda *_: calls.append(1))
    model.enter.weight.register_hook(lambda _: calls.append(2))
    watched(tmp_path, model, series()).close()
    assert sorted(calls) == [1, 1, 1, 2, 2, 2]

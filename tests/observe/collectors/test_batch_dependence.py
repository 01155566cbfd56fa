from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.batch_dependence import mixing_share, time_axis
from unstuck.observe.collectors.example_axes import Lengths
from unstuck.observe.torch_hooks import events
from unstuck.record import facts


def share(first: Tensor, output: Tensor, *modules: nn.Module) -> float | None:
    fact = mixing_share(first, output, modules=modules, step=0)
    return None if fact is None else fact.share


@pytest.fixture
def hidden() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(20, 6, 3, requires_grad=True) * 1.0


def test_examples_that_do_not_mix_have_no_share(hidden: Tensor) -> None:
    assert share(hidden, torch.tanh(hidden).flatten(1) @ torch.randn(18, 2)) == 0.0


def test_a_view_in_place_of_a_transpose_mixes(hidden: Tensor) -> None:
    by_time = hidden.transpose(0, 1)
    mixed = by_time.contiguous().view(20, 18)
    assert (share(by_time, mixed @ torch.randn(18, 2)) or 0.0) > 0.9
    assert share(by_time, by_time.transpose(0, 1).flatten(1) @ torch.randn(18, 2)) == 0.0


def test_an_output_may_count_its_moments_first() -> None:
    first = torch.randn(7, 7, 3, requires_grad=True) * 1.0  # seven examples of seven moments
    mixing_moments = first.cumsum(1)
    assert share(first, mixing_moments) == 0.0
    assert share(first, mixing_moments.transpose(0, 1)) == 0.0
    assert (share(first, mixing_moments.cumsum(0)) or 0.0) > 0.5


def test_ids_that_are_all_the_same_tell_no_axis_of_moments() -> None:
    ids = torch.zeros(4, 6, dtype=torch.long)
    assert time_axis(ids[:, :-1], ids[:, 1:]) is None


@pytest.mark.parametrize("backwards", [False, True])
def test_mixing_in_one_direction_of_time_is_seen(hidden: Tensor, backwards: bool) -> None:
    first = hidden[:, 0]
    summed = first.flip(0).cumsum(0).flip(0) if backwards else first.cumsum(0)
    assert (share(first, summed) or 0.0) > 0.5


def test_messages_statistics_and_batch_norms_mix_by_design(hidden: Tensor) -> None:
    first = hidden[:, 0]
    neighbours = torch.softmax(torch.randn(20, 20), dim=1)
    assert share(first, neighbours @ first) is None
    assert share(first, torch.zeros(20, 3).index_add(0, torch.randint(20, (20,)), first)) is None
    assert share(first, (first - first.mean(0)) / first.std(0)) is None
    norm = nn.BatchNorm1d(3)
    assert share(first, norm(first), norm) is None


def test_gradients_are_left_alone(hidden: Tensor) -> None:
    weight = torch.randn(3, 2, requires_grad=True)
    share(hidden[:, 0], hidden[:, 0] @ weight)
    assert weight.grad is None


@pytest.mark.parametrize(("moments", "mixes"), [(0, False), (1, True), (None, False)])
def test_which_axis_counts_moments_decides_between_two_readings(moments: int | None, mixes: bool) -> None:
    layer = nn.LSTM(4, 5)
    first = torch.randn(6, 3, 4, requires_grad=True)
    output, _ = layer(first)
    fact = mixing_share(first, output, moments, modules=[layer], step=0)
    assert fact is not None
    assert (fact.share > 0.1) is mixes


@pytest.mark.parametrize(
    ("lengths", "share_of_examples"),
    [(Lengths(3, 6, "positions"), True), (Lengths(6, 3, "loader"), False), (Lengths(9, 8, "loader"), None)],
)
def test_lengths_decide_too(lengths: Lengths, share_of_examples: bool | None) -> None:
    layer = nn.LSTM(4, 5)
    first = torch.randn(6, 3, 4, requires_grad=True)
    fact = mixing_share(first, layer(first)[0], lengths=lengths, modules=[layer], step=0)
    assert fact is not None
    if share_of_examples is None:
        assert (fact.known_by, len(fact.along), fact.share) == ("", 2, 0.0)
        assert fact.along[0] > 0.1
    else:
        assert (fact.known_by, len(fact.along)) == (lengths.known_by, 1)
        assert (fact.share > 0.1) is share_of_examples


class Encoder(nn.Module):
    """One layer of attention over symbols, with a table of positions."""

    def __init__(self, *, batch_first: bool, time_first: bool = False) -> None:
        super().__init__()
        self.symbols = nn.Embedding(5, 8)
        self.positions = nn.Parameter(torch.randn(7, 1, 8) if time_first else torch.randn(7, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=batch_first)

    def forward(self, symbols: Tensor) -> Tensor:
        return self.layer(self.symbols(symbols) + self.positions)


@pytest.mark.parametrize(
    ("model", "shape", "mixes"),
    [
        (Encoder(batch_first=True), (16, 7), False),
        (Encoder(batch_first=False), (16, 7), True),
        (Encoder(batch_first=False, time_first=True), (7, 16), False),
        (Encoder(batch_first=True, time_first=True), (7, 16), True),
    ],
    ids=["batch first", "forgotten", "time first", "one too many"],
)
def test_a_table_of_positions_tells_examples_from_moments(
    watched: Any, model: Encoder, shape: tuple[int, int], mixes: bool
) -> None:
    symbols = torch.randint(5, shape)
    with watched(model) as step:
        loss = model(symbols).square().sum()
        with events.Ours():  # else our reading of the graph would be the program's
            step.collectors.tell("backward", GraphWalk(loss))
        (found,) = step.facts(facts.BatchMixing)
    assert (found.known_by, found.share > 0.01) == ("positions", mixes)


def test_the_size_of_the_loaders_batches_tells_them_apart(watched: Any) -> None:
    model, x = nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 5)), torch.randn(16, 7, 4)
    with watched(model) as step:
        step.collectors.tell("loader_begins", DataLoader(TensorDataset(x), batch_size=16))
        loss = model(x)[0].square().sum()
        with events.Ours():
            step.collectors.tell("backward", GraphWalk(loss))
        (found,) = step.facts(facts.BatchMixing)
    assert (found.known_by, found.examples) == ("loader", 16)
    assert found.share > 0.1


def test_what_a_norm_comes_last_of_is_seen_through() -> None:
    first = torch.randn(6, 4, requires_grad=True) * 1.0
    assert (share(first, nn.LayerNorm(4)(first + first.flip(0))) or 0.0) > 0.5
    assert share(first, nn.LayerNorm(4)(first)) == 0.0

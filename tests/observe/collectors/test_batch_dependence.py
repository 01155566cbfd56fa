from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.collectors.batch_dependence import mixing_share


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

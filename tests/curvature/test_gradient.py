from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from unstuck.curvature import Landscape, slope


def at(batches: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[Landscape, nn.Module]:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    with Landscape.steady(model):
        return Landscape.of(model, nn.functional.mse_loss, batches), model


def test_norm_and_noise_are_those_of_the_batches() -> None:
    x, y = torch.randn(40, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(40, 1)
    landscape, _ = at(list(zip(x.split(5), y.split(5), strict=True)))
    rows = torch.stack([gradient for _, gradient in landscape.gradients()])
    found = slope(landscape)
    assert found.norm == pytest.approx(float(rows.mean(dim=0).norm()))
    assert found.noise == pytest.approx(float((rows.var(dim=0).sum() / 8).sqrt()))
    assert found.batches == 8
    assert found.limit == pytest.approx(2.3646, abs=1e-4)  # Student's t with 7 degrees of freedom


def test_one_batch_is_taken_apart() -> None:
    x, y = torch.randn(64, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(64, 1)
    whole, apart = at([(x, y)])[0], at(list(zip(x.split(4), y.split(4), strict=True)))[0]
    assert slope(whole).noise == pytest.approx(slope(apart).noise)
    assert slope(whole).batches == 16


def test_few_batches_are_taken_apart_too() -> None:
    x, y = torch.randn(64, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(64, 1)
    two, apart = (
        at(list(zip(x.split(32), y.split(32), strict=True)))[0],
        at(list(zip(x.split(4), y.split(4), strict=True)))[0],
    )
    assert slope(two).noise == pytest.approx(slope(apart).noise)
    assert slope(two).batches == 16


def test_many_batches_are_left_as_they_are() -> None:
    x, y = torch.randn(80, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(80, 1)
    assert slope(at(list(zip(x.split(4), y.split(4), strict=True)))[0]).batches == 20


def test_batches_of_two_sizes_keep_their_shares() -> None:
    x, y = torch.randn(48, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(48, 1)
    landscape, _ = at([(x[:32], y[:32]), (x[32:], y[32:])])
    assert slope(landscape).norm == pytest.approx(float(landscape.gradient().norm()))


def test_what_cannot_be_taken_apart_has_no_noise() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    with Landscape.steady(model):
        total = Landscape.of(model, lambda o, t: o.square().sum(), [(torch.randn(6, 3), torch.zeros(6, 1))])
        found = slope(total)
    assert (found.noise, found.ratio, found.batches) == (None, None, 1)


def test_a_gradient_without_noise_stands_out() -> None:
    ones = torch.ones(4, 3), torch.zeros(4, 1)
    found = slope(at([ones, ones, ones])[0])
    assert found.ratio is not None
    assert found.ratio > 1e12 or math.isinf(found.ratio)

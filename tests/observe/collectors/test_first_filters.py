"""The weights of the first layer are kept as they are."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.optim import SGD

from unstuck.observe.collectors.first_filters import MOST_FILTER_VALUES, MOST_FILTERS, first_filters
from unstuck.observe.user_code.model_roots import Roots


def filters_of(model: nn.Module) -> np.ndarray | None:
    roots = Roots(SGD([nn.Parameter(torch.ones(1))], lr=0.1))
    roots.add(model)
    return first_filters(roots)


def test_the_first_layer_with_weights_is_taken_whole() -> None:
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(6), nn.Linear(6, 4), nn.Linear(4, 2)).double()
    found = filters_of(model)
    assert found is not None
    assert found.dtype == np.float32
    assert np.array_equal(found, model[2].weight.detach().float().numpy())


def test_images_keep_their_shape() -> None:
    convolution = nn.Conv2d(3, 8, 5)
    found = filters_of(nn.Sequential(convolution, nn.ReLU()))
    assert found is not None
    assert found.shape == (8, 3, 5, 5)


def test_of_many_units_or_values_the_first_are_kept() -> None:
    found = filters_of(nn.Linear(3, 5 * MOST_FILTERS))
    assert found is not None
    assert found.shape == (MOST_FILTERS, 3)
    found = filters_of(nn.Linear(MOST_FILTER_VALUES // 4, 32))
    assert found is not None
    assert found.shape == (4, MOST_FILTER_VALUES // 4)
    found = filters_of(nn.Linear(2 * MOST_FILTER_VALUES, 2))
    assert found is not None
    assert len(found) == 1


def test_a_model_without_such_a_layer_has_none() -> None:
    assert filters_of(nn.Sequential(nn.Embedding(5, 4), nn.LayerNorm(4))) is None
    assert filters_of(nn.Linear(3, 4, device="meta")) is None
    assert filters_of(nn.ReLU()) is None

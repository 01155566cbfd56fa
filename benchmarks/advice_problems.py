"""Four small problems, and one way to train them whose every constant can be set: what :mod:`advice` tries."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits, make_friedman1
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

__all__ = ["PROBLEMS", "Problem", "Setting", "left", "train"]

TEXT = Path(__file__).parents[1] / "LICENSE"
WINDOW = 24
"""Characters of an example of text."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The constants of a training, by the names that PyTorch gives them; those that a method lacks have no effect."""

    method: str
    lr: float
    momentum: float = 0.9
    eps: float = 1e-8
    weight_decay: float = 0.0
    batch_size: int = 32
    max_norm: float = math.inf


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be learnt, from what, by which network, in how many epochs.

    Attributes:
        data: Inputs and targets.
        network: Makes the network; its weights are drawn from the generator of PyTorch.
        loss: Of outputs and targets, the mean over the batch.
        guess: Loss of the best guess that ignores the inputs.
        epochs: Passes over the data.
    """

    data: tuple[Tensor, Tensor]
    network: Callable[[], nn.Module]
    loss: Callable[[Tensor, Tensor], Tensor]
    guess: float
    epochs: int


class Reader(nn.Module):
    """The next character, from those before it."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, 16)
        self.recurrent = nn.LSTM(16, 48, batch_first=True)
        self.output = nn.Linear(48, characters)

    def forward(self, text: Tensor) -> Tensor:
        """Scores of each character, shape (examples, characters, moments)."""
        return self.output(self.recurrent(self.embedding(text))[0]).transpose(1, 2)


def mlp(inputs: int, outputs: int) -> nn.Module:
    hidden = (nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
    return nn.Sequential(*hidden, nn.Linear(64, outputs), *([nn.Flatten(0)] if outputs == 1 else []))


def cnn() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64, 10)),
    )


def entropy(targets: Tensor) -> float:
    shares = targets.flatten().bincount().double() / targets.numel()
    return float(-(shares[shares > 0] * shares[shares > 0].log()).sum())


def digits(*, images: bool) -> Problem:
    x, y = load_digits(return_X_y=True)
    inputs, targets = torch.tensor(x / 16.0, dtype=torch.float32), torch.tensor(y)
    return Problem(
        data=(inputs.view(-1, 1, 8, 8) if images else inputs, targets),
        network=cnn if images else lambda: mlp(64, 10),
        loss=cross_entropy,
        guess=entropy(targets),
        epochs=8,
    )


def text() -> Problem:
    written = TEXT.read_text()
    known = sorted(set(written))
    codes = torch.tensor([known.index(character) for character in written])
    windows = codes[: len(codes) // WINDOW * WINDOW].view(-1, WINDOW)
    return Problem(
        data=(windows[:, :-1].contiguous(), windows[:, 1:].contiguous()),
        network=lambda: Reader(len(known)),
        loss=cross_entropy,
        guess=entropy(windows[:, 1:]),
        epochs=15,
    )


def regression() -> Problem:
    x, y = make_friedman1(n_samples=1500, noise=1.0, random_state=0)
    y = (y - np.mean(y)) / np.std(y)
    return Problem(
        data=(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)),
        network=lambda: mlp(10, 1),
        loss=mse_loss,
        guess=1.0,
        epochs=12,
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "digits mlp": cache(lambda: digits(images=False)),
    "digits cnn": cache(lambda: digits(images=True)),
    "text lstm": cache(text),
    "regression": cache(regression),
}


def optimizer_of(model: nn.Module, setting: Setting) -> torch.optim.Optimizer:
    """The optimizer that a setting describes."""
    parameters, lr, decay = model.parameters(), setting.lr, setting.weight_decay
    if setting.method == "Adam":
        return torch.optim.Adam(parameters, lr=lr, eps=setting.eps, weight_decay=decay)
    if setting.method == "AdamW":
        return torch.optim.AdamW(parameters, lr=lr, eps=setting.eps, weight_decay=decay)
    momentum = setting.momentum if setting.method == "momentum" else 0.0
    return torch.optim.SGD(parameters, lr=lr, momentum=momentum, weight_decay=decay)


Watch = Callable[[nn.Module, torch.optim.Optimizer], AbstractContextManager[object]]


def train(problem: Problem, setting: Setting, watch: Watch = lambda model, optimizer: nullcontext()) -> float:
    """Train, and give the loss over all examples at the end; infinite where it is not finite."""
    torch.manual_seed(0)
    model = problem.network()
    optimizer = optimizer_of(model, setting)
    with watch(model, optimizer):
        for inputs, targets in batches(problem, setting.batch_size):
            optimizer.zero_grad()
            loss = problem.loss(model(inputs), targets)
            loss.backward()
            if math.isfinite(setting.max_norm):
                nn.utils.clip_grad_norm_(model.parameters(), setting.max_norm)
            optimizer.step()
    with torch.no_grad():
        end = float(problem.loss(model(problem.data[0]), problem.data[1]))
    return end if math.isfinite(end) else math.inf


def batches(problem: Problem, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of all epochs, shuffled anew in each."""
    inputs, targets = problem.data
    for _ in range(problem.epochs):
        for chosen in torch.randperm(len(inputs)).split(size):
            yield inputs[chosen], targets[chosen]


def left(problem: Problem, end: float, best: float) -> float:
    r"""The share that is left of what the best loss has gained over a constant guess: 0 as good as the best, 1 nothing.

    .. math:: \frac{L - L_\text{best}}{L_\text{guess} - L_\text{best}}
    """
    return (end - best) / (problem.guess - best)

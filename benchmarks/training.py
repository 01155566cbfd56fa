"""Whole trainings, data included: ``unstuck.train.fit`` against a plain loop, other trainers, and itself being watched.

Run ``python benchmarks/training.py``; it prints one table. Everything runs in one process. Each candidate is timed in
pairs, a training by ``fit`` and one by the candidate right beside it, and the medians of the ratios over the pairs are
compared, so that a busy moment of the machine hits both alike. Same network, initial weights, data, batch, epochs and
method everywhere. The plain loop is the one that the tutorials write, and is careful: a DataLoader with the default
collation, torch.optim.Adam in its default mode, and nothing computed that training does not need; ``fit`` also tells
the loss and the accuracy of every epoch. The other trainers run without logging, checkpoints, progress or validation.
Watching is held against the same training unwatched, in trainings of about half a minute: of a shorter one its opening
samples, up to a second once, are a larger share.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import importlib.util
import io
import logging
import os
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from unstuck import watch
from unstuck.data import Batches, Part, load
from unstuck.optim import Adam
from unstuck.train import Recipe, fit

RATE = 1e-3
PEERS = {"Lightning": "lightning", "skorch": "skorch", "Keras": "keras"}
WATCHED = 1.05


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, the data it learns, for how long, and how much of the plain loop's time ``fit`` may take."""

    name: str
    model: nn.Module
    part: Part
    batch: int
    epochs: int
    limit: float
    watched_epochs: int

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-len(self.part) // self.batch)


def cases() -> list[Case]:
    torch.manual_seed(0)
    digits, mnist = load("digits", test=0.1, validation=0.1).train, load("mnist5k").train
    flat = Part(digits.inputs.flatten(1), digits.targets)
    few = Part(mnist.inputs[:500], mnist.targets[:500])
    mlp = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    cnn = Recipe.read("digits").model.build((1, 8, 8), 10)
    resnet = Recipe.read("mnist-resnet").model.build((1, 28, 28), 10)
    return [
        Case(name="MLP", model=mlp, part=flat, batch=64, epochs=12, limit=0.40, watched_epochs=2000),
        Case(name="digits CNN", model=cnn, part=digits, batch=64, epochs=3, limit=0.80, watched_epochs=200),
        Case(name="residual", model=resnet, part=few, batch=50, epochs=1, limit=1.00, watched_epochs=40),
    ]


Training = Callable[[Case, nn.Module], object]


def unstuck(case: Case, model: nn.Module) -> None:
    fit(model, cross_entropy, Batches(case.part, case.batch), Adam(model.parameters(), lr=RATE), epochs=case.epochs)


def watched(case: Case, model: nn.Module) -> float:
    """Seconds of ``fit`` alone: the verdict at the end costs the same after any training."""
    optimizer = Adam(model.parameters(), lr=RATE)
    console = Console(file=io.StringIO())
    with tempfile.TemporaryDirectory() as folder, watch(model, optimizer, out=folder, console=console):
        begin = time.perf_counter()
        fit(model, cross_entropy, Batches(case.part, case.batch), optimizer, epochs=case.epochs)
        return time.perf_counter() - begin


def plain(case: Case, model: nn.Module) -> None:
    loader = DataLoader(TensorDataset(case.part.inputs, case.part.targets), batch_size=case.batch, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    criterion = nn.CrossEntropyLoss()
    model.train()
    for _ in range(case.epochs):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()


def lightning(case: Case, model: nn.Module) -> None:
    from lightning.pytorch import LightningModule, Trainer

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            del number
            return cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=RATE)

    loader = DataLoader(TensorDataset(case.part.inputs, case.part.targets), batch_size=case.batch, shuffle=True)
    Trainer(accelerator="cpu", max_epochs=case.epochs, barebones=True).fit(Module(), loader)


def skorch(case: Case, model: nn.Module) -> None:
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        model,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=RATE,
        max_epochs=case.epochs,
        batch_size=case.batch,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks="disable",
        verbose=0,
    )
    net.fit(case.part.inputs, case.part.targets)


def keras(case: Case, model: nn.Module) -> None:
    """The same module within Keras, whose own layers take longer still."""
    import keras as library

    # Built by hand: asked for shapes, Keras would run the module on its "meta" device.
    class Wrapped(library.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = library.layers.TorchModuleWrapper(model)

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    net = Wrapped()
    loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer=library.optimizers.Adam(RATE), loss=loss, jit_compile=False)
    inputs, targets = case.part.inputs.numpy(), case.part.targets.numpy()
    net.fit(inputs, targets, batch_size=case.batch, epochs=case.epochs, shuffle=True, verbose=0)


def timed(training: Training, case: Case) -> float:
    """Seconds of one training from the case's initial weights, which it must have made better."""
    torch.manual_seed(0)
    model = copy.deepcopy(case.model)
    begin = time.perf_counter()
    own = training(case, model)
    seconds = time.perf_counter() - begin
    before, after = (worth(case, each) for each in (case.model, model))
    assert after < before, f"{training.__name__} did not train: loss {before:.3g} became {after:.3g}"
    return own if isinstance(own, float) else seconds


@torch.no_grad()
def worth(case: Case, model: nn.Module) -> float:
    """Loss on the training part in training mode, which leaves running statistics out; the model is not changed."""
    return float(cross_entropy(copy.deepcopy(model).train()(case.part.inputs), case.part.targets))


def pairs(first: Training, second: Training, case: Case, number: int) -> tuple[float, float, float]:
    """Median seconds of both, and the median of their ratio; the order alternates."""
    for training in (first, second):
        timed(training, dataclasses.replace(case, epochs=1))
    seconds: list[tuple[float, float]] = []
    for turn in range(number):
        order = (first, second) if turn % 2 else (second, first)
        took = {training: timed(training, case) for training in order}
        seconds.append((took[first], took[second]))
    one, other = zip(*seconds, strict=True)
    return statistics.median(one), statistics.median(other), statistics.median(a / b for a, b in seconds)


def row(case: Case, peer: str, figures: tuple[float, float, float], limit: float) -> None:
    own, other, ratio = figures
    per_step = 1e3 / (case.steps * case.epochs)
    verdict = "ok" if ratio <= limit else "MISSED"
    print(
        f"{case.name:<12}{own * per_step:>9.2f} ms a step{'':4}{peer:<22}{other * per_step:>9.2f} ms a step"
        f"{ratio:>8.2f} x  (at most {limit:.2f})  {verdict}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--only", choices=("MLP", "digits CNN", "residual"))
    parser.add_argument("--peers", nargs="*", choices=("plain", "watched", *PEERS), help="all that are installed")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    be_quiet()
    print(f"{platform.machine()}, torch {torch.__version__}, {options.threads} threads, {options.pairs} pairs\n")
    wanted = options.peers or ("plain", *PEERS, "watched")
    absent = [name for name in PEERS if name in wanted and importlib.util.find_spec(PEERS[name]) is None]
    for case in cases():
        if options.only in (None, case.name):
            compare(case, [name for name in wanted if name not in absent], options.pairs)
    for name in absent:
        print(f"{name}: absent, not compared; pip install {PEERS[name]}")


def compare(case: Case, wanted: list[str], number: int) -> None:
    if "plain" in wanted:
        row(case, "plain loop", pairs(unstuck, plain, case, number), case.limit)
    for name, training in {"Lightning": lightning, "skorch": skorch, "Keras": keras}.items():
        if name in wanted:
            row(case, name, pairs(unstuck, training, case, -(-number // 2)), 1.0)
    if "watched" in wanted:
        long = dataclasses.replace(case, epochs=case.watched_epochs)
        own, other, ratio = pairs(watched, unstuck, long, 3)
        row(long, "the same not watched", (own, other, ratio), WATCHED)


def be_quiet() -> None:
    """Keep the trainers from telling what they are."""
    os.environ["KERAS_BACKEND"] = "torch"
    warnings.simplefilter("ignore")
    for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    main()

"""A small real trainer: a multilayer perceptron in NumPy, whose training is recorded as a real one is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from unstuck.record import Index, Run, RunWriter, signals
from unstuck.record.facts import (
    End,
    Inputs,
    Layer,
    Loss,
    LossClasses,
    LossOutput,
    LossTarget,
    Model,
    NonFinite,
    Optimizer,
    Parameter,
    ParameterGroup,
    Training,
)

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A data set, split."""

    x: Array
    y: NDArray[np.int64] | Array
    x_val: Array
    y_val: NDArray[np.int64] | Array
    classes: int | None


def split(x: Array, y: Array, *, classes: int | None, train: int, seed: int = 0) -> Sample:
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order].astype(np.float64), y[order]
    return Sample(x=x[:train], y=y[:train], x_val=x[train:], y_val=y[train:], classes=classes)


def digits(*, train: int = 1200, scaled: bool = True) -> Sample:
    x, y = load_digits(return_X_y=True)
    return split(x / 16.0 if scaled else x, y, classes=10, train=train)


def raw_pixels() -> Sample:
    x, y = load_digits(return_X_y=True)
    return split(np.round(x * 255 / 16), y, classes=10, train=1200)


def breast_cancer(*, scaled: bool) -> Sample:
    x, y = load_breast_cancer(return_X_y=True)
    return split((x - x.mean(0)) / x.std(0) if scaled else x, y, classes=2, train=400)


def diabetes() -> Sample:
    x, y = load_diabetes(return_X_y=True)
    return split(x / x.std(0), (y - y.mean()) / y.std(), classes=None, train=340)


@dataclass(kw_only=True)
class Recipe:
    """A training, with every knob that a fault turns."""

    sample: Sample = field(default_factory=digits)
    hidden: tuple[int, ...] = (32, 32)
    method: str = "adam"
    rate: float = 1e-3
    momentum: float = 0.0
    epochs: int = 8
    batch: int = 32
    seed: int = 0
    gain: float = 1.0  #: multiplies the usual initial scale, uniform within 1 / sqrt(fan in)
    normal: float | None = None  #: or weights N(0, normal^2)
    bias: float = 0.0
    schedule: Callable[[float], float] = lambda share: 1.0
    summed: bool = False  #: the loss is a sum over the batch
    scale: float = 1.0  #: multiplies the loss as it is recorded and differentiated
    poison: tuple[int, str] | None = None  #: a step and what becomes NaN there: input or loss
    reason: str = "completed"
    start: list[Array] | None = None


class Network:
    """Linear layers with rectifiers between them."""

    def __init__(self, sizes: list[int], recipe: Recipe) -> None:
        rng = np.random.default_rng(recipe.seed)
        self.parameters: list[Array] = []
        for rows, columns in itertools.pairwise(sizes):
            bound = recipe.gain / np.sqrt(rows)
            weight = rng.uniform(-bound, bound, (rows, columns))
            if recipe.normal is not None:
                weight = rng.normal(0.0, recipe.normal, (rows, columns))
            self.parameters += [weight, rng.uniform(-bound, bound, columns) + recipe.bias]
        if recipe.start is not None:
            self.parameters = [p.copy() for p in recipe.start]

    def forward(self, x: Array) -> list[Array]:
        values = [x]
        for layer in range(len(self.parameters) // 2):
            values.append(values[-1] @ self.parameters[2 * layer] + self.parameters[2 * layer + 1])
            if layer < len(self.parameters) // 2 - 1:
                values.append(np.maximum(values[-1], 0.0))
        return values

    def backward(self, values: list[Array], delta: Array) -> list[Array]:
        gradients: list[Array] = []
        position = len(values) - 2
        for layer in reversed(range(len(self.parameters) // 2)):
            gradients[:0] = [values[position].T @ delta, delta.sum(axis=0)]
            if layer:
                delta = (delta @ self.parameters[2 * layer].T) * (values[position] > 0)
            position -= 2
        return gradients


def loss_and_delta(output: Array, y: Array, classes: int | None) -> tuple[float, Array]:
    """Mean loss, and its gradient by the outputs."""
    if classes is None:
        error = output[:, 0] - y
        return float(np.mean(error**2)), (2 * error / len(y))[:, None]
    shifted = output - output.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    delta = np.exp(log_p)
    delta[rows, y] -= 1.0
    return float(-log_p[rows, y].mean()), delta / len(y)


class Trainer:
    """Trains and records; each number is what the signal's definition asks for."""

    def __init__(self, writer: RunWriter, recipe: Recipe) -> None:
        self.writer, self.recipe, self.sample = writer, recipe, recipe.sample
        outputs = self.sample.classes or 1
        sizes = [self.sample.x.shape[1], *recipe.hidden, outputs]
        self.network = Network(sizes, recipe)
        depth = len(sizes) - 1
        paths = [f"net.{i}" for i in range(2 * depth - 1)]
        self.names = [f"net.{2 * i}.{kind}" for i in range(depth) for kind in ("weight", "bias")]
        writer.name(Index.PARAMETER, self.names)
        writer.name(Index.LAYER, paths)
        writer.name(Index.GROUP, ["0"])
        layers = tuple(Layer(path=p, type="Linear" if i % 2 == 0 else "ReLU") for i, p in enumerate(paths))
        parameters = tuple(
            Parameter(name=n, shape=p.shape, role="weight" if p.ndim == 2 else "bias")
            for n, p in zip(self.names, self.network.parameters, strict=True)
        )
        writer.state(Model(type="Sequential", layers=layers, parameters=parameters))
        group = ParameterGroup(parameters=len(self.names), learning_rate=recipe.rate)
        writer.state(Optimizer(type=recipe.method.title(), groups=(group,), file="train.py", line=12))
        writer.state(Training(epochs=recipe.epochs))
        self.m = [np.zeros_like(p) for p in self.network.parameters]
        self.v = [np.zeros_like(p) for p in self.network.parameters]
        self.step = 0
        self.fired: list[Array] = []
        self.previous: Array | None = None

    def run(self) -> None:
        rng = np.random.default_rng(self.recipe.seed + 1)
        total = self.recipe.epochs * max(1, len(self.sample.x) // self.recipe.batch)
        self._state_data()
        for _ in range(self.recipe.epochs):
            order = rng.permutation(len(self.sample.x))
            for start in range(0, len(order) - self.recipe.batch + 1, self.recipe.batch):
                rows = order[start : start + self.recipe.batch]
                self._update(self.sample.x[rows].copy(), self.sample.y[rows], self.step / total)
            self._evaluate()
        self.writer.state(End(reason=self.recipe.reason, steps=self.step))  # pyright: ignore[reportArgumentType]

    def _state_data(self) -> None:
        x, y, classes = self.sample.x, self.sample.y, self.sample.classes
        batch = self.recipe.batch
        self.writer.state(
            Inputs(
                shape=(batch, x.shape[1]),
                kind_of="table",
                examples=len(x),
                minimum=float(x.min()),
                maximum=float(x.max()),
                feature_means=tuple(x.mean(axis=0)),
                feature_stds=tuple(x.std(axis=0)),
            )
        )
        output = LossOutput(shape=(batch, classes or 1))
        if classes is None:
            mean, variance = float(np.mean(y)), float(np.var(y))
            target = LossTarget(shape=(batch, 1), type="real", mean=mean, variance=variance)
            loss = Loss(function="mse_loss", output=output, target=target, file="train.py", line=20)
        else:
            counts = tuple(int(c) for c in np.bincount(y, minlength=classes))
            loss = Loss(
                function="cross_entropy",
                output=output,
                target=LossTarget(shape=(batch,), type="class"),
                classes=LossClasses(number=classes, counts=counts),
                file="train.py",
                line=20,
            )
        self.writer.state(loss)

    def _update(self, x: Array, y: Array, share: float) -> None:
        recipe, writer, step = self.recipe, self.writer, self.step
        if recipe.poison == (step, "input"):
            x[2, 3] = np.nan
            writer.state(NonFinite(step=step, what="input", count=1, examples=(2,)))
        values = self.network.forward(x)
        loss, delta = loss_and_delta(values[-1], y, self.sample.classes)
        factor = recipe.scale * (recipe.batch if recipe.summed else 1.0)
        if recipe.poison == (step, "loss"):
            factor = np.nan
            writer.state(NonFinite(step=step, what="activation", where="net.4", count=10))
        loss, delta = loss * factor, delta * factor
        gradients = self.network.backward(values, delta)
        old = [p.copy() for p in self.network.parameters]
        for i, (p, g) in enumerate(zip(self.network.parameters, gradients, strict=True)):
            p += self._direction(i, g) * recipe.rate * recipe.schedule(share)
        writer.add(signals.LOSS, step, loss)
        writer.add(signals.BATCH_SIZE, step, len(x))
        writer.add(signals.LEARNING_RATE, step, [recipe.rate * recipe.schedule(share)])
        if self.sample.classes is not None:
            writer.add(signals.ACCURACY, step, float(np.mean(values[-1].argmax(axis=1) == y)))
        self._record_steps(old, gradients)
        self._record_layers(values[1:])
        self.step += 1

    def _direction(self, i: int, g: Array) -> Array:
        if self.recipe.method == "sgd":
            self.m[i] = self.recipe.momentum * self.m[i] + g
            return -self.m[i]
        t = self.step + 1
        self.m[i] = 0.9 * self.m[i] + 0.1 * g
        self.v[i] = 0.999 * self.v[i] + 0.001 * g * g
        return -(self.m[i] / (1 - 0.9**t)) / (np.sqrt(self.v[i] / (1 - 0.999**t)) + 1e-8)

    def _record_steps(self, old: list[Array], gradients: list[Array]) -> None:
        def norms(arrays: list[Array]) -> Array:
            return np.array([np.linalg.norm(a) for a in arrays])

        writer, step, new = self.writer, self.step, self.network.parameters
        updates = [b - a for a, b in zip(old, new, strict=True)]
        update, weight, gradient = norms(updates), norms(old), norms(gradients)
        dots = np.array([np.sum(u * g) for u, g in zip(updates, gradients, strict=True)])
        writer.add(signals.GRADIENT_NORM, step, gradient)
        writer.add(signals.WEIGHT_NORM, step, weight)
        writer.add(signals.WEIGHT_NONFINITE, step, [float((~np.isfinite(p)).sum()) for p in new])
        writer.add(signals.UPDATE_NORM, step, update)
        writer.add(signals.UPDATE_RATIO, step, update / np.where(weight > 0, weight, np.nan))
        product = update * gradient
        writer.add(signals.UPDATE_GRADIENT_COSINE, step, dots / np.where(product > 0, product, np.nan))
        flat = np.concatenate([g.ravel() for g in gradients])
        if self.previous is not None:
            size = np.linalg.norm(flat) * np.linalg.norm(self.previous)
            writer.add(signals.GRADIENT_COSINE, step, float(flat @ self.previous / size) if size > 0 else np.nan)
        self.previous = flat

    def _record_layers(self, values: list[Array]) -> None:
        writer, step = self.writer, self.step
        writer.add(signals.ACTIVATION_MEAN, step, [v.mean() for v in values])
        writer.add(signals.ACTIVATION_STD, step, [v.std() for v in values])
        writer.add(signals.ACTIVATION_ZEROS, step, [(v == 0).mean() for v in values])
        self.fired.append(np.concatenate([(v > 0).any(axis=0) for v in values[1::2]]))
        if len(self.fired) >= 10:
            alive = np.any(self.fired[-10:], axis=0)
            shares, start = [np.nan], 0
            for v in values[1::2]:
                shares += [1 - float(alive[start : start + v.shape[1]].mean()), np.nan]
                start += v.shape[1]
            writer.add(signals.DEAD_UNITS, step, shares)

    def _evaluate(self) -> None:
        values = self.network.forward(self.sample.x_val)
        loss, _ = loss_and_delta(values[-1], self.sample.y_val, self.sample.classes)
        self.writer.add(signals.VALIDATION_LOSS, self.step, loss * self.recipe.scale)
        if self.sample.classes is not None:
            correct = values[-1].argmax(axis=1) == self.sample.y_val
            self.writer.add(signals.VALIDATION_ACCURACY, self.step, float(np.mean(correct)))


Train = Callable[..., Run]


def trained(folder: Path, recipe: Recipe) -> tuple[Run, list[Array]]:
    with np.errstate(all="ignore"), RunWriter(folder) as writer:
        trainer = Trainer(writer, recipe)
        trainer.run()
    return Run.open(folder), trainer.network.parameters


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Train]:
    """Train a recipe given by its keywords, and open the run; the same recipe is trained once."""
    opened: dict[str, Run] = {}

    def call(**keywords: object) -> Run:
        plain = {
            name: value if isinstance(value, str | float | tuple) else id(value) for name, value in keywords.items()
        }
        key = repr(sorted(plain.items()))
        if key not in opened:
            opened[key], _ = trained(tmp_path_factory.mktemp("run"), Recipe(**keywords))  # pyright: ignore
        return opened[key]

    yield call
    for run in opened.values():
        run.close()


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The data sets that tests share."""

    digits: Sample
    few_digits: Sample
    raw_pixels: Sample
    breast_cancer: Sample
    raw_breast_cancer: Sample
    diabetes: Sample
    noisy: Sample
    many_noisy: Sample


def noisy(train: int) -> Sample:
    """Two classes told by two of twenty features, a quarter of the labels wrong."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(train + 400, 20))
    y = ((x[:, 0] + x[:, 1] > 0) ^ (rng.random(train + 400) < 0.25)).astype(np.int64)
    return split(x, y, classes=2, train=train)


@pytest.fixture(scope="session")
def samples() -> Samples:
    return Samples(
        digits=digits(),
        few_digits=digits(train=60),
        raw_pixels=raw_pixels(),
        breast_cancer=breast_cancer(scaled=True),
        raw_breast_cancer=breast_cancer(scaled=False),
        diabetes=diabetes(),
        noisy=noisy(100),
        many_noisy=noisy(4000),
    )


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Array]:
    """A network trained before."""
    run, parameters = trained(tmp_path_factory.mktemp("before"), Recipe())
    run.close()
    return parameters

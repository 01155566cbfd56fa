"""Runs that imitate a training in signals, facts and proportions, written by the real writer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import (
    Evidence,
    Figure,
    Finding,
    Index,
    Learnt,
    Run,
    RunWriter,
    TrainingName,
    Verdict,
    Where,
    facts,
    signals,
)

STEPS = 900
EPOCH = 45

LAYERS = ("0", "1", "2", "3", "4", "5", "6", "7", "8")
TYPES = ("Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear", "Tanh", "Linear")
RECTIFIERS, BOUNDED = (1, 3), (7,)
PARAMETERS = {
    "0.weight": (16, 1, 3, 3), "0.bias": (16,), "2.weight": (32, 16, 3, 3), "2.bias": (32,),
    "6.weight": (64, 512), "6.bias": (64,), "8.weight": (10, 64), "8.bias": (10,),
}  # fmt: skip

RECIPE = '[data]\nname = "digits"\n\n[model]\nname = "cnn"\n\n[optimizer]\nname = "SGD"\nlr = 0.1\n'


def write_training(folder: Path, *, sick: bool, steps: int = STEPS, seed: int = 0, stream: int = 0) -> None:
    """A convolutional network on digits: healthy, or with a rate so high that units die and the loss breaks."""
    with RunWriter(folder) as writer:
        fill(writer, sick=sick, steps=steps, seed=seed, stream=stream)


def fill(writer: RunWriter, *, sick: bool, steps: int = STEPS, seed: int = 0, stream: int = 0) -> None:
    rng = np.random.default_rng(seed)
    state_facts(writer, sick=sick, steps=steps, stream=stream)
    writer.name(Index.PARAMETER, PARAMETERS, stream=stream)
    writer.name(Index.LAYER, LAYERS, stream=stream)
    writer.name(Index.GROUP, ["0"], stream=stream)
    for step in range(steps):
        progress = step / steps
        rate = (10.0 if sick else 0.1) * 0.5 * (1 + np.cos(np.pi * progress))
        if sick:
            loss = np.nan if step > steps * 0.8 else 2.3 * np.exp(min(12.0, step / 12)) * rng.lognormal(0, 0.6)
        else:
            loss = 2.3 * np.exp(-7 * progress) * rng.lognormal(0, 0.25) + 0.03
        writer.add(signals.LOSS, step, loss, stream=stream)
        writer.add(signals.BATCH_SIZE, step, 32, stream=stream)
        writer.add(signals.LEARNING_RATE, step, [rate], stream=stream)
        if step % 5 == 0 or step < 16:
            sample(writer, step, progress, rng, sick=sick, stream=stream)
        if step % EPOCH == EPOCH - 1:
            evaluate(writer, step + 1, progress, rng, sick=sick, stream=stream)
    for step in (0, steps):
        smooth = np.outer([1, 0.2, -1], [1, 1, 1]) if step else 0
        filters = rng.normal(0, 0.3, (16, 1, 3, 3)) + smooth * rng.normal(0, 1, (16, 1, 1, 1))
        writer.array("filters", step, filters, stream=stream)


def sample(writer: RunWriter, step: int, progress: float, rng: np.random.Generator, *, sick: bool, stream: int) -> None:
    count, depth = len(PARAMETERS), np.linspace(0, 1, len(PARAMETERS))
    ratio = (0.3 if sick else 2e-3) * (1 - 0.8 * progress) * rng.lognormal(0, 0.3, count) * (0.5 + depth)
    writer.add(signals.UPDATE_RATIO, step, ratio, stream=stream)
    gradient = (30.0 if sick else 0.6 * (1 - 0.7 * progress)) * rng.lognormal(0, 0.4, count)
    writer.add(signals.GRADIENT_NORM, step, gradient, stream=stream)
    accuracy = 0.1 if sick else 1 - 0.9 * np.exp(-6 * progress)
    writer.add(signals.ACCURACY, step, rng.binomial(32, accuracy) / 32, stream=stream)

    layers = len(LAYERS)
    lows, highs, stds = np.full(layers, np.nan), np.full(layers, np.nan), np.full(layers, np.nan)
    dead, saturated = np.full(layers, np.nan), np.full(layers, np.nan)
    counts = np.full((layers, signals.HISTOGRAM_BINS), np.nan)
    for layer, kind in enumerate(TYPES):
        values = rng.normal(0.1, (1 + progress) * (40 if sick and layer > 5 else 1), 600)
        if kind == "ReLU":
            values = np.maximum(values - (3 * progress if sick else 0), 0)
            dead[layer] = min(1, progress * 1.2) if sick else 0.02
        if kind == "Tanh":
            values = np.tanh(values)
            saturated[layer] = float((np.abs(values) > 0.99).mean())
        counts[layer], edges = np.histogram(values, signals.HISTOGRAM_BINS)
        lows[layer], highs[layer], stds[layer] = edges[0], edges[-1], values.std()
    if not (sick and progress > 0.8):
        for signal, values in (
            (signals.ACTIVATION_MIN, lows),
            (signals.ACTIVATION_MAX, highs),
            (signals.ACTIVATION_STD, stds),
            (signals.ACTIVATION_HISTOGRAM, counts),
            (signals.DEAD_UNITS, dead),
            (signals.ACTIVATION_SATURATED, saturated),
        ):
            writer.add(signal, step, values, stream=stream)


def evaluate(
    writer: RunWriter, step: int, progress: float, rng: np.random.Generator, *, sick: bool, stream: int
) -> None:
    accuracy = 0.1 if sick else 1 - 0.9 * np.exp(-6 * progress)
    writer.add(signals.TRAIN_ACCURACY, step, min(1, accuracy + rng.normal(0, 0.004)), stream=stream)
    writer.add(signals.VALIDATION_ACCURACY, step, accuracy - 0.015 + rng.normal(0, 0.003), stream=stream)
    if not sick:
        writer.add(signals.TRAIN_LOSS, step, 2.3 * np.exp(-7 * progress) + 0.03, stream=stream)
        writer.add(signals.VALIDATION_LOSS, step, 2.3 * np.exp(-6 * progress) + 0.08, stream=stream)


def state_facts(writer: RunWriter, *, sick: bool, steps: int, stream: int) -> None:
    roles = {"weight": "weight", "bias": "bias"}
    group = facts.ParameterGroup(parameters=8, learning_rate=10.0 if sick else 0.1, momentum=0.9, weight_decay=1e-4)
    known: list[facts.Fact] = [
        facts.Model(
            type="CNN",
            layers=tuple(
                facts.Layer(path=p, type=t, description=f"{t}(...)") for p, t in zip(LAYERS, TYPES, strict=True)
            ),
            parameters=tuple(
                facts.Parameter(name=name, shape=shape, role=roles[name.rpartition(".")[2]])  # pyright: ignore
                for name, shape in PARAMETERS.items()
            ),
        ),
        facts.Optimizer(type="SGD", groups=(group,), file="train.py", line=41),
        facts.Schedule(type="CosineAnnealingLR", per="step"),
        facts.Data(
            name="digits", task="classification", train=1437, validation=180, test=180, features=(1, 8, 8), classes=10
        ),
        facts.Inputs(shape=(32, 1, 8, 8), kind_of="image", examples=1437, minimum=-1.3, maximum=1.4),
        facts.Loss(
            function="cross_entropy",
            target=facts.LossTarget(type="class"),
            classes=facts.LossClasses(number=10, counts=(142,) * 9 + (159,)),
        ),
        facts.InitialLoss(value=2.31, expected=np.log(10), tolerance=0.05, formula="ln C, C = 10", examples=32),
        facts.Training(epochs=steps // EPOCH, steps_per_epoch=EPOCH, patience=10),
        facts.Environment(unstuck="0.1.0", python="3.11.2", torch="2.13.0", device="cpu", platform="Linux"),
        facts.Recipe(text=RECIPE),
        facts.End(reason="diverged" if sick else "completed", steps=steps),
        facts.Cost(seconds=0.31, training_seconds=21.0, sampled_steps=180, steps=steps),
    ]
    if sick:
        known.append(facts.NonFinite(step=int(steps * 0.8), what="loss", count=1))
        known.append(facts.Event(step=int(steps * 0.8), what="the loss stopped being finite"))
    for fact in known:
        writer.state(fact, stream=stream)


DEAD = Finding(
    code="G301",
    cause="lr-too-high",
    severity="warning",
    confidence=0.7,
    summary="All units of layers 1 and 3 are dead: they give zero for every example.",
    advice="Lower the rate first; if units still die, use LeakyReLU.",
    where=Where(module="1"),
    evidence=(Evidence(signal="dead_units", value=0.96, threshold=0.5, steps=(700, 715)),),
)
BROKEN = Finding(
    code="N101",
    cause="loss-unstable",
    severity="error",
    confidence=0.5,
    summary="The loss is NaN from step 721 on.",
    advice="Find the step before it in the report; lower the rate.",
    evidence=(Evidence(signal="loss", value=float("nan"), steps=(721, 899)),),
)
RATE = Finding(
    code="O201",
    cause="lr-too-high",
    severity="error",
    confidence=0.93,
    summary="The learning rate is far too high: each step overshoots the valley, and the loss climbs until it breaks.",
    advice="Set lr=0.1 in torch.optim.SGD at train.py:41, a hundredth of the 10 it has; or let the loss warm up to it.",
    where=Where(file="train.py", line=41),
    evidence=(
        Evidence(signal="update_ratio", value=0.31, threshold=0.01, steps=(0, 49), note="median over weights"),
        Evidence(signal="loss", value=3.7e5, threshold=2.31, steps=(0, 720)),
        Evidence(signal="gradient_cosine", value=-0.62, threshold=-0.2, steps=(4, 49)),
    ),
    symptoms=(DEAD, BROKEN),
)

NAME = TrainingName(type="CNN", file="train.py", line=41)
ROSE = Learnt(
    training=NAME,
    kind="findings",
    shown="not learnt",
    figures=(Figure(what="loss", value=3.7e5, unit="loss", start=2.31),),
    steps=900,
    reason="the loss has risen",
)
LEARNS = Learnt(
    training=NAME,
    kind="healthy",
    shown="healthy",
    figures=(
        Figure(what="training accuracy", value=0.99, unit="share", guess=0.11),
        Figure(what="loss", value=0.03, unit="loss", guess=2.3),
    ),
    steps=900,
)
SICK = Verdict(
    kind="findings",
    headline="1 problem was found.",
    learning=(ROSE,),
    findings=(RATE,),
    clear=("D101", "I101"),
    not_evaluated={
        "R101": "the run stopped before its second epoch",
        "O301": "the run stopped before its second epoch",
    },
    cost={"seconds": 0.31, "share": 0.0148, "sampled_steps": 180.0, "steps": 900.0},
)
HEALTHY = Verdict(
    kind="healthy",
    headline="It learns: training accuracy 99%. Nothing wrong was found.",
    learning=(LEARNS,),
    clear=("D101", "I101", "O201", "O202", "G301", "N101", "O301"),
    not_evaluated={"R101": "no evaluation was seen"},
    cost={"seconds": 0.31, "share": 0.0148, "sampled_steps": 180.0, "steps": 900.0},
)


@pytest.fixture(scope="session")
def healthy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits-healthy"
    write_training(folder, sick=False)
    return folder


@pytest.fixture(scope="session")
def sick_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits-rate-10"
    write_training(folder, sick=True)
    return folder


@pytest.fixture
def healthy(healthy_folder: Path) -> Iterator[Run]:
    with Run.open(healthy_folder) as run:
        yield run


@pytest.fixture
def sick(sick_folder: Path) -> Iterator[Run]:
    with Run.open(sick_folder) as run:
        yield run


@pytest.fixture
def sick_verdict() -> Verdict:
    return SICK


@pytest.fixture
def healthy_verdict() -> Verdict:
    return HEALTHY


@pytest.fixture(scope="session")
def train() -> Callable[..., None]:
    """:func:`fill`, for tests that write a run of their own."""
    return fill

"""Recorded trainings by what they show: the same few series and facts that every test of a verdict begins from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unstuck.record import Run, RunWriter, Signal, signals
from unstuck.record.facts import Fact, Loss, LossClasses, LossTarget

STEPS = 300
CLASSES = Loss(
    function="cross_entropy",
    target=LossTarget(type="class"),
    classes=LossClasses(number=4, counts=(250, 250, 250, 250)),
)
SQUARES = Loss(function="mse_loss", target=LossTarget(type="real", mean=0.0, variance=1.0))


def falls(start: float, end: float, *, steps: int = STEPS, noise: float = 0.03, seed: int = 0) -> np.ndarray:
    """A loss that falls quickly from one level to another."""
    rng, time = np.random.default_rng(seed), np.arange(steps) / steps
    return (end + (start - end) * np.exp(-12.0 * time)) * rng.lognormal(0.0, noise, steps)


def write(
    writer: RunWriter,
    losses: Sequence[float] | np.ndarray,
    *facts: Fact,
    accuracy: float | None = None,
    evaluations: Mapping[Signal, Sequence[float]] | None = None,
    series: Mapping[Signal, Sequence[float]] | None = None,
    stream: int = 0,
) -> None:
    """Write one training: its losses, what is known of it, its accuracy at the end, its evaluations."""
    for fact in facts:
        writer.state(fact, stream=stream)
    for step, loss in enumerate(losses):
        writer.add(signals.LOSS, step, float(loss), stream=stream)
        writer.add(signals.BATCH_SIZE, step, 32, stream=stream)
        if accuracy is not None:
            writer.add(signals.ACCURACY, step, accuracy, stream=stream)
    for signal, values in (evaluations or {}).items():
        for place, value in enumerate(values):
            step = (place + 1) * len(losses) // len(values)
            writer.add(signal, step, value, stream=stream)
    for signal, values in (series or {}).items():
        for step, value in enumerate(values):
            writer.add(signal, step, value, stream=stream)


def trained(folder: Path, losses: Sequence[float] | np.ndarray, *facts: Fact, **more: object) -> Run:
    """A run of one training, open for reading."""
    with RunWriter(folder) as writer:
        write(writer, losses, *facts, **more)  # type: ignore[arg-type]
    return Run.open(folder)

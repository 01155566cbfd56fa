"""How fast a large run is judged, and what it took to write it: many short trainings, or few long ones.

Run ``python benchmarks/reading.py``; it prints one table. ``--trainings 500`` makes smaller runs, ``--keep DIR`` keeps
them. Each run is written by the real writer in a process of its own, and judged by ``unstuck report`` in another.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unstuck.record import Index, RunWriter, facts
from unstuck.record.signals import BY_KEY, LOSS

LIMIT_SECONDS = 10.0
LAYERS = ("0", "1", "2")
SHAPES = {"0.weight": (16, 8), "0.bias": (16,), "2.weight": (2, 16), "2.bias": (2,)}
SIZES = {Index.RUN: (), Index.GROUP: (1,), Index.PARAMETER: (len(SHAPES),), Index.LAYER: (len(LAYERS),)}
LEFT_OUT = ("train_", "validation_", "target_mean", "target_std", "target_autocorrelation")  # no validation, classes


def sampled(steps: int) -> Iterator[int]:
    """The steps that an observer samples: the first sixteen, then one each time their number has grown by 8%."""
    step = 0
    while step < steps:
        yield step
        step = max(step + 1, int(1.08 * step) if step >= 16 else 0)


def state_facts(writer: RunWriter, steps: int, stream: int) -> None:
    """What is stated of each training of a classifier."""
    parameters = tuple(
        facts.Parameter(name=name, shape=shape, role="weight" if len(shape) > 1 else "bias")
        for name, shape in SHAPES.items()
    )
    layers = tuple(facts.Layer(path=path, type="ReLU" if path == "1" else "Linear") for path in LAYERS)
    group = facts.ParameterGroup(parameters=4, learning_rate=0.1, weight_decay=0.0, momentum=0.0)
    weights = ("2.weight", "0.weight")
    loss = facts.Loss(
        function="cross_entropy",
        output=facts.LossOutput(shape=(32, 2), operation="Addmm"),
        target=facts.LossTarget(shape=(32,), type="class"),
        classes=facts.LossClasses(number=2, counts=(16 * steps, 16 * steps)),
        file="train.py",
        line=12,
    )
    shape = (32, 8)
    inputs = facts.Inputs(
        shape=shape,
        kind_of="table",
        examples=32 * steps,
        minimum=-3.0,
        maximum=3.0,
        feature_means=(0.0,) * 8,
        feature_stds=(1.0,) * 8,
    )
    for fact in (
        facts.Environment(unstuck="0.1.0", python=platform.python_version()),
        facts.Model(type="Sequential", layers=layers, parameters=parameters),
        facts.Optimizer(type="SGD", groups=(group,), file="train.py", line=8),
        facts.Graph(step=0, reached=tuple(SHAPES), operations=("NllLoss", "LogSoftmax", "Addmm", "Relu", "Addmm")),
        facts.Wiring(connections=tuple(facts.Connection(parameter=name) for name in weights)),
        facts.Ran(step=0, layers=("0", "2")),
        facts.InitialLoss(value=0.7, expected=0.693, tolerance=0.2, formula="ln C, C = 2", examples=32),
        inputs,
        loss,
        facts.Passes(updates=50, forward=50, backward=50, used=1),
        facts.Cost(seconds=0.1, training_seconds=1.0, sampled_steps=40, steps=steps),
    ):
        writer.state(fact, stream=stream)


def fill(writer: RunWriter, steps: int, stream: int, rng: np.random.Generator) -> None:
    """One healthy training."""
    state_facts(writer, steps, stream)
    writer.name(Index.PARAMETER, SHAPES, stream=stream)
    writer.name(Index.LAYER, LAYERS, stream=stream)
    writer.name(Index.GROUP, ["0"], stream=stream)
    losses = 0.1 + 0.6 * np.exp(-5 * np.arange(steps) / steps) * rng.lognormal(0, 0.1, steps)
    for start in range(0, steps, 64):
        at = range(start, min(start + 64, steps))
        writer.add_series(LOSS, at, losses[start : start + 64], stream=stream)
    others = [s for s in BY_KEY.values() if s is not LOSS and not s.key.startswith(LEFT_OUT)]
    chosen = list(sampled(steps)) if steps <= 1000 else range(steps)
    for signal in others:
        shape = (len(chosen), *SIZES[signal.index], *((signal.bins,) if signal.bins > 1 else ()))
        values = rng.uniform(0.001, 0.01, shape) * (not signal.key.endswith("nonfinite"))
        for step, value in zip(chosen, values, strict=True):
            writer.add(signal, step, value, stream=stream)
    writer.state(facts.End(reason="completed", steps=steps), stream=stream)


def write(folder: Path, trainings: int, steps: int) -> None:
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    with RunWriter(folder) as writer:
        for stream in range(trainings):
            fill(writer, steps, stream, rng)
    seconds = time.perf_counter() - start
    file = folder / "run.sqlite"
    connection = sqlite3.connect(file)
    rows = connection.execute("SELECT count(*) FROM samples").fetchone()[0]
    connection.close()
    figures = {
        "write": seconds,
        "rows": rows,
        "megabytes": file.stat().st_size / 1e6,
        "write_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


def processor_seconds() -> float:
    """Of the processes that ended: on a machine that others use too, what the clock says is more."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(folder: Path, trainings: int, steps: int) -> dict[str, float]:
    argv = [sys.executable, __file__, "--write", str(folder), "--trainings", str(trainings), "--steps", str(steps)]
    written = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    start, before = time.perf_counter(), processor_seconds()
    subprocess.run([sys.executable, "-m", "unstuck", "report", str(folder)], check=True, capture_output=True)
    judged, worked = time.perf_counter() - start, processor_seconds() - before
    start = time.perf_counter()
    argv = [sys.executable, "-m", "unstuck", "report", str(folder), "--html", str(folder / "page.html")]
    subprocess.run(argv, check=True, capture_output=True)
    page = time.perf_counter() - start
    return {
        **written,
        "report": judged,
        "report_processor": worked,
        "html": page,
        "page_megabytes": (folder / "page.html").stat().st_size / 1e6,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainings", type=int, default=5_000)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.write, options.trainings, options.steps)
        return 0
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    slow = False
    with tempfile.TemporaryDirectory() as scratch:
        place = options.keep or Path(scratch)
        for trainings, steps in ((options.trainings, options.steps), (max(1, options.trainings // 1_000), 60_000)):
            figures = measure(place / f"{trainings}x{steps}", trainings, steps)
            slow = slow or figures["report_processor"] > LIMIT_SECONDS
            print(
                f"{trainings:,} trainings of {steps:,} steps: " + ", ".join(f"{k} {v:,.1f}" for k, v in figures.items())
            )
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())

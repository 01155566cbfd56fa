"""The landscape of the digits CNN: seconds of 51 x 51 points on 512 images, against the package loss-landscapes.

Run ``python benchmarks/landscape.py``; for the comparison ``pip install loss-landscapes`` first. Both draw the same
plane of the same weights. They take turns, for a machine that others use is faster at one moment than at the next, and
the processor's own time is shown too. Points are also evaluated directly, on a copy of the model with their weights.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

import unstuck.landscape
from unstuck.curvature import Landscape
from unstuck.data import Batches
from unstuck.landscape import filter_directions
from unstuck.train import Recipe, fit
from unstuck.train.setup import Setup

POINTS, IMAGES, TURNS, STEPS = 51, 512, 4, 26
SECONDS, TIMES, EQUAL = 30.0, 2.0, 1e-5


def trained(epochs: int) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """The CNN of the recipe ``digits`` after a few epochs, and its first 512 images."""
    setup = Setup.of(Recipe.read("digits"))
    fit(setup.model, nn.functional.cross_entropy, Batches(setup.data.train, 64), setup.optimizer, epochs=epochs)
    return setup.model.eval(), setup.data.train.inputs[:IMAGES], setup.data.train.targets[:IMAGES]


def by_package(model: nn.Module, ends: list[nn.Module], batch: tuple[torch.Tensor, torch.Tensor], steps: int) -> None:
    """The plane through three models, as the package ``loss-landscapes`` has it."""
    import loss_landscapes
    from loss_landscapes.metrics import Loss

    metric = Loss(nn.functional.cross_entropy, *batch)
    loss_landscapes.planar_interpolation(model, *ends, metric, steps, deepcopy_model=True)


def timed(compute: Callable[[], object], steps: int) -> tuple[float, float]:
    """Seconds a point, by the clock and of the processor."""
    started, before = time.perf_counter(), time.process_time()
    compute()
    return (time.perf_counter() - started) / steps**2, (time.process_time() - before) / steps**2


def moved(model: nn.Module, directions: list[dict[str, torch.Tensor]], x: float, y: float) -> nn.Module:
    """A copy of a model, moved along two directions."""
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter += x * directions[0][name] + y * directions[1][name]
    return twin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5, help="of training before")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    model, images, labels = trained(chosen.epochs)
    loss, batch = nn.functional.cross_entropy, (images, labels)

    found = unstuck.landscape.plane(model, loss, batch, points=POINTS, examples=IMAGES)
    print(
        f"digits CNN, {POINTS} x {POINTS} points, {IMAGES} images, torch {torch.__version__}, {chosen.threads} threads"
    )
    print(f"  unstuck.landscape.plane {found.seconds:6.1f} s   (goal {SECONDS:.0f} s)")

    point = Landscape.of(copy.deepcopy(model), loss, [batch], dtype=torch.float32)
    directions = [dict(direction) for direction in filter_directions(point)]
    worst = 0.0
    with torch.no_grad():
        for i, j in np.random.default_rng(0).integers(POINTS, size=(100, 2)):
            direct = float(loss(moved(model, directions, found.x[j], found.y[i])(images), labels))
            worst = max(worst, abs(found.losses[i, j] - direct) / max(1.0, direct))
    print(f"  against direct evaluation of 100 points: {worst:.1e}   (goal {EQUAL:g})")

    if importlib.util.find_spec("loss_landscapes") is None:
        print("  loss-landscapes is not installed: pip install --no-deps loss-landscapes")
        return
    corner = moved(model, directions, -1.0, -1.0)
    ends = [moved(model, directions, 1.0, -1.0), moved(model, directions, -1.0, 1.0)]
    ours, theirs = [], []
    for _ in range(TURNS):
        theirs.append(timed(lambda: by_package(corner, ends, batch, STEPS), STEPS))
        ours.append(timed(lambda: unstuck.landscape.plane(model, loss, batch, points=STEPS, examples=IMAGES), STEPS))
    for k, clock in enumerate(("clock", "processor")):
        ratio = np.median([b[k] / a[k] for a, b in zip(ours, theirs, strict=True)])
        a, b = (1e3 * np.median([times[k] for times in way]) for way in (ours, theirs))
        said = f"{a:.1f} ms, loss-landscapes {b:.1f} ms, {ratio:.1f} times as long"
        print(f"  a point by the {clock}: {said} (goal {TIMES:g})")


if __name__ == "__main__":
    main()

"""Races on a surface against the ordinary loop over ``torch.optim``: seconds of 100,000 steps of six methods.

Run ``python benchmarks/surfaces.py``. Kernels are compiled, or loaded, before time is taken. Of the loop a twentieth of
the steps is run, for they all cost the same; both sides keep point, loss and gradient of each step. Where a method
bounces, rounding errors grow at each step, and no two ways to compute it agree: beside the distance from torch stands
how far two loops over torch come apart that start one rounding, an ulp of the first parameter, from each other.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from unstuck.surfaces import SURFACES, Entry, race

STEPS, SHARE = 100_000, 20
LIMIT, TIMES = 0.5, 50
METHODS: dict[str, Callable[[list[torch.Tensor]], torch.optim.Optimizer]] = {
    "sgd lr=1e-4": lambda p: torch.optim.SGD(p, lr=1e-4),
    "sgd lr=1e-4 momentum=0.9": lambda p: torch.optim.SGD(p, lr=1e-4, momentum=0.9),
    "sgd lr=1e-4 momentum=0.9 nesterov=true": lambda p: torch.optim.SGD(p, lr=1e-4, momentum=0.9, nesterov=True),
    "adagrad lr=0.1": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "rmsprop lr=1e-3": lambda p: torch.optim.RMSprop(p, lr=1e-3),
    "adam lr=1e-3": lambda p: torch.optim.Adam(p, lr=1e-3),
}


def by_torch(
    name: str, make: Callable[[list[torch.Tensor]], torch.optim.Optimizer], steps: int, *, ulps: int = 0
) -> np.ndarray:
    """The loop that one would write; returns the point before each step."""
    x, y = SURFACES[name].start
    w = torch.tensor([x + ulps * math.ulp(x), y], dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    kept = np.zeros((steps, 5))
    for step in range(steps):
        optimizer.zero_grad()
        loss = SURFACES[name].function(w[0], w[1])
        loss.backward()
        kept[step] = *w.tolist(), loss.item(), *w.grad.tolist()
        optimizer.step()
    return kept[:, :2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--surface", default="rosenbrock", choices=SURFACES)
    surface = SURFACES[parser.parse_args().surface]
    torch.set_num_threads(1)
    entries = [Entry.parse(text) for text in METHODS]
    race(surface, entries, steps=10)
    times: list[float] = []
    for _ in range(5):
        start = time.perf_counter()
        tracks = race(surface, entries, steps=STEPS)
        times.append(time.perf_counter() - start)
    ours = statistics.median(times)
    theirs = 0.0
    apart: dict[str, tuple[float, ...]] = {}
    for track, (method, make) in zip(tracks, METHODS.items(), strict=True):
        start = time.perf_counter()
        points = by_torch(surface.name, make, STEPS // SHARE)
        theirs += SHARE * (time.perf_counter() - start)
        beside = by_torch(surface.name, make, STEPS // SHARE, ulps=1)
        apart[method] = tuple(float(np.abs(points - other).max()) for other in (track.points[: len(points)], beside))
    print(f"{surface.name}, six methods, {STEPS:,} steps each, torch {torch.__version__}, one thread")
    print(f"  unstuck.surfaces  {ours:8.3f} s   (limit {LIMIT} s: {'ok' if ours < LIMIT else 'MISSED'})")
    print(f"  loop over torch   {theirs:8.1f} s   ({theirs / ours:.0f} times as long; goal {TIMES})")
    print(
        "  largest distance                           from torch   of two loops over torch, one ulp apart at the start"
    )
    for method, (from_torch, of_torch) in apart.items():
        print(f"    {method:40} {from_torch:.1e}      {of_torch:.1e}")


if __name__ == "__main__":
    main()

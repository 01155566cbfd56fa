"""64 trainings that differ in their rate, as one and one after another.

Run ``python benchmarks/stacked.py``; it prints one table. Both ways train the same networks on the same batches of the
digits, side by side in one process: an epoch of all as one, then an epoch of each by a plain loop with
``torch.optim.Adam(fused=True)``, and so on; the medians of the ratios are compared. The first turn, which compiles, is
left out. As one, everything happens in the calling thread or in torch's threads, as it does in the loops.
"""

from __future__ import annotations

import argparse
import copy
import platform
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from unstuck.data import Batches, load
from unstuck.observe.torch_hooks.allocator import keep_freed_memory
from unstuck.stacked import Stack

MEMBERS = 64
LIMITS = {"mlp 64-64-10": 5.0, "cnn": 1.7}
RATES = torch.logspace(-5, -1, MEMBERS).tolist()


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def cnn() -> nn.Sequential:
    """The network of the recipe ``digits``."""
    first = (nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    second = (nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    return nn.Sequential(*first, *second, nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


NETWORKS: dict[str, Callable[[], nn.Module]] = {"mlp 64-64-10": mlp, "cnn": cnn}


def apart(models: Sequence[nn.Module]) -> Callable[[list[tuple[Tensor, Tensor]]], None]:
    optimizers = [
        torch.optim.Adam(model.parameters(), lr=rate, fused=True) for model, rate in zip(models, RATES, strict=True)
    ]

    def epoch(batches: list[tuple[Tensor, Tensor]]) -> None:
        for model, optimizer in zip(models, optimizers, strict=True):
            for inputs, targets in batches:
                optimizer.zero_grad()
                cross_entropy(model(inputs), targets).backward()
                optimizer.step()

    return epoch


def as_one(models: Sequence[nn.Module]) -> Callable[[list[tuple[Tensor, Tensor]]], None]:
    optimizers = [torch.optim.Adam(model.parameters(), lr=rate) for model, rate in zip(models, RATES, strict=True)]
    stack = Stack(models, cross_entropy, optimizers)

    def epoch(batches: list[tuple[Tensor, Tensor]]) -> None:
        for batch in batches:
            stack.step(*batch)

    return epoch


def compare(name: str, *, repeats: int, batch: int) -> None:
    torch.manual_seed(0)
    part = load("digits").train
    models = [NETWORKS[name]() for _ in range(MEMBERS)]
    ways = {"as one": as_one(copy.deepcopy(models)), "apart": apart(models)}
    data = Batches(part, batch)
    times: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(repeats + 1):
        batches = list(data)
        for way in sorted(ways, reverse=turn % 2 == 1):
            begin = time.perf_counter()
            ways[way](batches)
            if turn:
                times[way].append(time.perf_counter() - begin)
    ratios = [slow / fast for slow, fast in zip(times["apart"], times["as one"], strict=True)]
    ratio, limit = statistics.median(ratios), LIMITS[name]
    steps = len(data)
    print(
        f"{name:<14} as one {statistics.median(times['as one']) / steps * 1e3:>7.2f} ms a step   apart "
        f"{statistics.median(times['apart']) / steps * 1e3:>7.2f} ms   {ratio:>5.2f} x faster (at least {limit:.1f})  "
        f"{'ok' if ratio >= limit else 'MISSED'}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--only", choices=NETWORKS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    print(
        f"{platform.machine()}, torch {torch.__version__}, {options.threads} thread(s), {MEMBERS} members, "
        f"batches of {options.batch}\n"
    )
    for name in NETWORKS:
        if options.only in (None, name):
            compare(name, repeats=options.repeats, batch=options.batch)


if __name__ == "__main__":
    main()

"""Accuracy over examples: digits 5 to 9 learnt from nothing, and by a network that has learnt 0 to 4.

Runs the shipped recipe ``fine-tuning`` with several seeds, each with its own split, weights and examples, and prints
mean and standard error of the accuracy on the held-out digits. ``--plot FILE`` draws the curve.

    python benchmarks/fine_tuning.py --seeds 5 --plot docs/fine-tuning.svg
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from unstuck.train import read_variants, train_variants

WAYS = ("from nothing", "fine-tuned")


def measure(seeds: int, overrides: list[str]) -> dict[str, dict[int, list[float]]]:
    """Accuracy on the test part by way and number of examples, one entry for each seed."""
    found: dict[str, dict[int, list[float]]] = {way: defaultdict(list) for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            variants = read_variants("fine-tuning", overrides=[f"seed={seed}", *overrides])
            for variant, trained in train_variants(variants, Path(folder, str(seed))):
                named = re.fullmatch(r"(\d+) (from nothing|fine-tuned)", variant.name)
                if named and trained.test is not None and trained.test.accuracy is not None:
                    found[named[2]][int(named[1])].append(trained.test.accuracy)
    return found


def draw(found: dict[str, dict[int, list[float]]], file: Path) -> None:
    """Draw both curves with their standard errors."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for way, by_count in found.items():
        counts = sorted(by_count)
        means = [100 * np.mean(by_count[count]) for count in counts]
        errors = [100 * standard_error(by_count[count]) for count in counts]
        axes.errorbar(counts, means, yerr=errors, marker="o", capsize=3, label=way)
    axes.set(xscale="log", xlabel="examples of the digits 5 to 9", ylabel="accuracy on held-out digits, %")
    axes.set_xticks(counts, labels=map(str, counts))
    axes.minorticks_off()
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def standard_error(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(given.seeds, given.set)
    print("| examples | from nothing | fine-tuned |")
    print("|---|---|---|")
    for count in sorted(found[WAYS[0]]):
        cells = [f"{np.mean(found[way][count]):.1%} ± {100 * standard_error(found[way][count]):.1f}" for way in WAYS]
        print(f"| {count} | {' | '.join(cells)} |")
    if given.plot:
        draw(found, given.plot)


if __name__ == "__main__":
    main()
